"""File formats to slices: DICOM, NIfTI, PNG and JPEG, and archives of these."""

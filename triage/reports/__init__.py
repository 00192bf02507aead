"""The AI result in the formats of other systems: DICOM SR and DICOM SEG, to download or to send to a PACS."""

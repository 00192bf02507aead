"""The AI result in the words of other systems: DICOM SR and DICOM SEG, to download or to send to a PACS."""

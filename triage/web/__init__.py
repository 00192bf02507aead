"""HTTP routes beside the pages: DICOMweb for scanners and PACS, and the health check."""

"""What stands beside the pages on the same server: DICOMweb for scanners and PACS, and the health check."""

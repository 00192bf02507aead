"""De-identification: remove the identity of the patient from a file before it is stored."""

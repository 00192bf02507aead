"""Remove the patient's identity from a file before anything of it is stored."""

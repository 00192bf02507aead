"""English and German: what a reader sees, in the reader's language; nothing that is stored is translated."""

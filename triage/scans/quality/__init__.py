"""Quality checks of a picture: not a brain MRI, blank, too small, text burned into the pixels."""

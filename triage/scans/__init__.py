"""From bytes to slices: decode received files, and report what cannot be analysed."""

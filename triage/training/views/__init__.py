"""Views of a picture for training: crops, augmentation, other contrasts, the batches of two looks."""

"""Data sets, augmentation, fit and evaluation: needs the ``train`` extra; the web process never imports it."""

"""Data sets, augmentation, training, evaluation, release. Needs the ``train`` extra; the web app imports none of it."""

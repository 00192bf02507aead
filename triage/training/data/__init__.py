"""Cut a data set: copies found, patients kept apart, training, validation and test part."""

"""Split a data set into training, validation and test part, without copies and patients in common."""

"""Pictures that are copies of each other: described, proposed, aligned."""

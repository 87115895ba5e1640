"""What a survey of a data set costs beside a plain forward pass."""

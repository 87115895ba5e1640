"""The explorer in a notebook: state into pixels, over ipywidgets and bqplot. TensorFlow is not imported here."""

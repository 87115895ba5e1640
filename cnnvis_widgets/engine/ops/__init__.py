"""TensorFlow ops, one by one: kind, windows, layout, linearity, and how a signal goes back through each."""

"""What is known of a TensorFlow op: its kind, its windows and layout, and how a signal goes back through it."""

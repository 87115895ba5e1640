"""Results into files: PNG and TensorBoard event files. Nothing here computes."""

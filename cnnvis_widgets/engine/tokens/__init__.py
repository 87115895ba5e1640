"""Which place of the image each token belongs to, and where tokens attend to each other."""

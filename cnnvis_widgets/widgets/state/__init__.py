"""What the explorer shows, as validated traits, and the images that it feeds."""

"""Reconstruction: what in the image a layer saw, projected back to pixels under a rule."""

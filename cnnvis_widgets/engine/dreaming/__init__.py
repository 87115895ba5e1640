"""Dreaming: an image that makes a unit, channel, layer or class as active as it can be."""

"""Dreaming: change an image until a unit, a channel, a layer, a class or any objective of them scores high."""

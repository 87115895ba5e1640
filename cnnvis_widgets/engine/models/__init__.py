"""Turns whatever a person holds into a Draft: graphs, sessions, functions, Keras models, files."""

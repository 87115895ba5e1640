"""The explorer in a notebook: state into pixels, with ipywidgets and bqplot.

Nothing here imports TensorFlow: ``engine`` computes, and ``outputs`` writes files.
"""

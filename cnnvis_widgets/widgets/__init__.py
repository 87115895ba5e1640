"""The explorer in a notebook: state into pixels, over ipywidgets and bqplot.

TensorFlow is not imported here; what computes is in ``engine``, what writes files in ``outputs``.
"""

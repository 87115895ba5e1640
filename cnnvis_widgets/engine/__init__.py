"""The engine: networks in, frozen dataclasses of NumPy arrays out.

TensorFlow lives here. Nothing in this folder knows a widget, writes a file or prints.
"""

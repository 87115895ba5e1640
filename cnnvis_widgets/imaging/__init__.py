"""Arrays into pictures, with NumPy and Pillow alone. Nothing here knows a network or a file name."""

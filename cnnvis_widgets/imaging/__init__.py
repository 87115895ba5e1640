"""Images into arrays and arrays into pictures, with NumPy and Pillow alone. Nothing here knows a network."""

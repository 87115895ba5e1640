"""Dreams: their speed, the first picture, and how far they climb."""

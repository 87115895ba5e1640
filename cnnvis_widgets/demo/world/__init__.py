"""A small world whose truth is known: drawn things with exact masks, and two networks that were trained on them."""

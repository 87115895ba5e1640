"""A small world whose truth is known: drawn things, with masks of them and of their parts."""

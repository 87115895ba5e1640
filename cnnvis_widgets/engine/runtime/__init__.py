"""How a part of a graph becomes a function that runs."""

"""How the value of one unit comes about, number by number, and how a signal goes back through the same ops."""

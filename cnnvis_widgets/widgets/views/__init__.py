"""The ways of looking at a network, each in a module of its own; ``registry`` lists them."""

"""The traits of the explorer's state, a module for each part of the explorer; ``state`` puts them together."""

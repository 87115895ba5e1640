"""Charts by bqplot, each usable alone."""

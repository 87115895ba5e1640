"""Single controls and canvases, each usable alone."""

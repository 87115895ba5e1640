"""Questions to students in a notebook, and their answers."""

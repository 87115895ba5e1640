"""Work in the background: a generator of steps in a thread, its progress, and what views compute."""

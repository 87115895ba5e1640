"""Work in the background: a generator of steps in a thread, and the computations of the views."""

"""Which kinds of model the package takes, and what it does with each: ``python -m docs.kinds`` writes docs/kinds.md.

Every model is tiny and made here. Every method is tried on it, and every view of the explorer. A cell says 'yes', or
why not, in the words of the error. Any other error, and a result that is not finite or not what the model itself
returns, is a bug, and the command fails.
"""

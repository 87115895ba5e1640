"""The engine against plain runs and gradient copies: reconstructions, whole calls with files, loading, memory."""

"""The engine against the older way: reconstructions, whole calls with files, loading, memory."""

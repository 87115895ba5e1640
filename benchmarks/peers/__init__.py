"""The same work by this package and by three other libraries, on the same weights."""

"""The command line ``cnnvis``: words of a shell become calls of the package, and results become files and lines."""

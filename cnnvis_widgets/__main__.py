"""``python -m cnnvis_widgets`` is the command line ``cnnvis``."""

from .cli.main import entry

if __name__ == "__main__":
    entry()

"""How fast the engine, the explorer and dreams are, and how far dreams climb: see ``README.md``."""

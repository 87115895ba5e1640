"""One network: its layers by name, its heads, what it is fed, and its calls."""

"""One network: its layers by name, what it is fed, and the functions compiled from it."""

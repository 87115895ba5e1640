"""How a whole graph sends signals back, and how a rule changes that."""

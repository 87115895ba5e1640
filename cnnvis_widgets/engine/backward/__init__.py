"""How a whole graph sends signals backwards, and how a rule changes that."""

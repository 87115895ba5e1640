"""Everything about one channel at a glance, filled in part by part in the background."""

"""Attribution methods beside those of other programs."""

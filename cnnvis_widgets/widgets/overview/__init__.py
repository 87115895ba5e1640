"""The film strip: every layer of a network as it sees the chosen image, grouped by block."""

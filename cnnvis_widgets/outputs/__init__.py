"""Results into files: PNG, TensorBoard events, GIF, MP4 and HTML; nothing here computes."""

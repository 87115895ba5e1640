"""Many changes, explorers and kernels, slow readers, and hours of work: threads and memory stay within bounds."""

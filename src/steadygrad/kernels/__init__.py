"""Inner loops in C, optional, each beside a NumPy definition of the same bits."""

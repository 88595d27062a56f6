"""Inner loops in C, optional, each beside a NumPy definition of the same bits.

`loader.native` is the compiled module or None; `definition` says what it computes.
"""

"""Backends put a law into an array; each gives the bits that `backends.numpy` defines."""

"""Normalization: the math, the layers, and tools for any model that uses them."""

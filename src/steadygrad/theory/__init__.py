"""Predictions of signal-propagation theory, in float64 NumPy.

Activations, averages over Gaussian pre-activations, length and correlation maps, depth scales, growth through
batch norm.
"""

"""Optimizers with a step per layer."""

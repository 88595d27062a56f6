"""Measurements: one-pass statistics, the observer that takes them, and experiments with passes of their own."""

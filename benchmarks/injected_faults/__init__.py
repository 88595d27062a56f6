"""Healthy trainings of many kinds, and faults that are put into each of them on purpose."""

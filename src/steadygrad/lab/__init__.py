"""The chapters' experiments, one file each, on real data."""

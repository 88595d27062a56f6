"""Showing a `Report`: plain rows first (`view`), then terminal text, HTML, JSON and GitHub annotations."""

"""A second collection of programs from public threads, gathered by symptoms and labelled before any detector saw them."""

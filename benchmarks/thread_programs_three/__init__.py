"""A third collection of programs from public threads, gathered by symptoms alone and labelled before any detector saw them."""

"""The initializers of other libraries: their names, defaults and meanings, and where they differ from what they should do.

Each file holds `INITIALIZERS` (name → what makes the scheme), `fans` (how that library counts them from a shape in its own
layout) and `DIFFERENCES` (name → what it does otherwise than its paper, or than the scheme here). The schemes themselves take the
fans of the actual use; give them a library's own `fans` to get its very variance.
"""

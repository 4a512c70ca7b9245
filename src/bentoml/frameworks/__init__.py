"""Artifacts of machine-learning libraries, one file each; the library is imported when an artifact is packed."""

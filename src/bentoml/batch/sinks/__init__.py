"""Where answers go: a part per piece, and all parts as one file."""

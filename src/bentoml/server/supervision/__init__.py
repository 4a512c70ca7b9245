"""The parent of a server's processes: it starts, watches, replaces and ends them, and takes new bundles in."""

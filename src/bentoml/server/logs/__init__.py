"""The logs of a server: what stands in their lines, and how these reach the one process that writes them."""

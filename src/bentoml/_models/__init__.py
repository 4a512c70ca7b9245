"""What files and objects of models hold, for the leaves of `frameworks/` that keep them; one noun per file."""

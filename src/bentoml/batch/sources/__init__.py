"""Where rows come from: files, and the pieces that they are cut into, always the same ones for the same files."""

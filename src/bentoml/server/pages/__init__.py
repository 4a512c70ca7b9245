"""The pages of a server and the files that they need, and the user's own pages."""

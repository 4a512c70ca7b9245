"""A large upload whose client and server are killed again and again, and which comes to its end all the same."""

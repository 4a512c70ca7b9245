"""The web pages of the registry, made by the server; nothing of them needs JavaScript."""

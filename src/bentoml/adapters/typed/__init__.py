"""Type hints as adapters: what a hint means on the wire, its schema, and values of it."""

"""HTTP with strangers: connections, heads and bodies as they are read, calls, and the form of answers and errors."""

"""The code of a service: found and read when it is saved, without being executed; imported when it is loaded."""

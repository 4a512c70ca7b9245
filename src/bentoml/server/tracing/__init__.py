"""Traces of requests, in the front and in the workers, and their way to a collector."""

"""Metrics: counted, collected from the workers and written as text, and what monitors make of them."""

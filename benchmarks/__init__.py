"""Load tests and timings of the library; not part of the distribution."""

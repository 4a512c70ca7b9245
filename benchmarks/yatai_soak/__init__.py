"""Many clients at once on one registry, and proof that it kept what it acknowledged."""

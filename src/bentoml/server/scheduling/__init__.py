"""Which requests run next, which are not taken, and what became of each."""

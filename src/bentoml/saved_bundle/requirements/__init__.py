"""What a bundle needs installed: inferred, declared and recorded, with all that it needs in turn, locked and listed."""

"""How calls travel between the front and its workers: frames, requests, and the way around for large bodies."""

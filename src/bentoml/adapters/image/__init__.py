"""Images between bytes and arrays: what may be decoded, how, and what becomes of pictures that functions return."""

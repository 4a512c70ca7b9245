"""Answers that come piece by piece, on their whole way from the generator to the client."""

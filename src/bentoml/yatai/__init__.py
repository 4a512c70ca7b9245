"""The registry of saved bundles: a catalog (SQL), blobs (files) and the client that users call."""

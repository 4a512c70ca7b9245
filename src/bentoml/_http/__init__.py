"""What the HTTP servers share: addresses, TLS, connections from strangers and their end."""

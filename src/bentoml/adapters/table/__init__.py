"""Tables: what rows and columns look like on the wire, and as frames."""

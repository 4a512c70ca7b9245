"""What all processes of a server share: how they start, speak with their parent, keep memory, and end."""

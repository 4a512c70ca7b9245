"""What one run of the server is asked to do: values that are checked before anything starts."""

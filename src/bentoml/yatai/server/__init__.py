"""The registry's web server: one process that answers the JSON interface and the pages on one port."""

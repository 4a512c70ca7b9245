"""Offline batch: an API of a bundle on files, row by row the same answers as over HTTP."""

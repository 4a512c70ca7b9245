"""The version of this library: the single source for the package metadata, bundles and the command line."""

__version__ = "0.14.0"

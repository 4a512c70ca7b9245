"""Bundles on their way to where they run: each room makes a plan that can be looked at, and then carries it out."""

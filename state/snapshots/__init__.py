"""Copies of a store in a directory or object store, and their restoration."""

"""Streams that are open when their key ends."""

"""Tests of the pure parts, from the inside."""

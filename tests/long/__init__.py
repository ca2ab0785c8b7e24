"""Tests that take minutes: run by ``scripts/test-long``."""

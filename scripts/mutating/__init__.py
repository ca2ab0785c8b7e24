"""Mutation testing of the pure modules: ``making`` what is changed, ``trying`` each change, and the table."""

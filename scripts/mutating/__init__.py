"""Mutation testing of the pure modules: what is changed (``making``), how each change is tried (``trying``), the table."""

"""The helpers that are shipped for the tests of protected apps."""

"""The contract: one rule per test, run over every adapter of ``subjects``, which must all give the same verdict."""

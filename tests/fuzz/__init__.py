"""Fuzzing that follows coverage: one target a file, each a function of bytes that asserts what must always hold.

``python -m tests.fuzz exempt 60`` tries one target for a minute; with ``--keep`` what is worth keeping goes into
``corpus``. ``make test`` runs every target over the corpus, ``make test-long`` lets each look for ten minutes.
"""

"""The tests: ``harness`` holds what they share; ``long`` is run by ``make test-long`` only."""

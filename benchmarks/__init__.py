"""What a cached key costs, measured beside the least it could cost. ``python -m benchmarks`` or ``make bench``."""

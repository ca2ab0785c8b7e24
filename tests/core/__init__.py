"""Tests of the validator's half below the adapters: the pure core, its drivers, the issuers it asks, the feed."""

"""Tests of the self-hosted issuer and its command line."""

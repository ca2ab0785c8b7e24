"""The self-hosted issuer: keys, introspection, the revocation feed. Needs the ``[issuer]`` extra.

Only the command line imports it; of the rest of the package it imports the pure leaves alone.
"""

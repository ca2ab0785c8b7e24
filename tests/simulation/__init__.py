"""Both ends of the revocation protocol, the real ones, in a simulated world."""

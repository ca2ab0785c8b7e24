"""Real servers, a real issuer, real connections."""

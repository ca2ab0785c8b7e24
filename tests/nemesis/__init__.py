"""A real run that tries to break the promise: real servers, a real issuer, a network that lies, clients, an oracle."""

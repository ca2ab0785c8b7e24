"""A real run that tries to break the promise: real servers, a real issuer, a proxy that lies, and someone with a plan."""

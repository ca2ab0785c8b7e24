"""The commands that talk to an issuer over HTTP. They need httpx and click, nothing of the issuer."""

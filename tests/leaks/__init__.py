"""A key goes in here, and is looked for in all that comes out."""

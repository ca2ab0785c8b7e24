"""The client side of a login: what it decides, what it writes, what it says."""

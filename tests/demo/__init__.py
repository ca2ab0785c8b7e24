"""The demo and the example apps."""

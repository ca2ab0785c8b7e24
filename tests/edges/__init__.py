"""What only shows at an edge: when a thread, a fork, a framework or a host name fails."""

"""What monitoring sees of the validators of a process."""

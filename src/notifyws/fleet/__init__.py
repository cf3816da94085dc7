"""Room fleet."""

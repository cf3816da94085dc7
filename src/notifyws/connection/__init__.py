"""Room connection."""

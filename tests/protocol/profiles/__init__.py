"""The built-in profiles against servers that play what the real ones say."""

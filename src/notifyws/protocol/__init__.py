"""How a server speaks: pure, and driven by a profile's data."""

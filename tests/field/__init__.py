"""What the field taught: a kind of trouble a file, each a sentence about the world."""

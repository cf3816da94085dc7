"""The measurements: small programs that run ours and its peers side by side."""

"""Room diagnostics."""

"""The set-up file."""

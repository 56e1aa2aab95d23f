"""Follows and what comes of them."""

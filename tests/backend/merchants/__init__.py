"""Merchants, their people and what they did."""

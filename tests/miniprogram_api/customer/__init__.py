"""Tests of the customer API."""

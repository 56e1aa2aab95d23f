"""商家后台: the merchant's desk."""

from flask import Flask


def register(app: Flask) -> None:
    """Bring this package's pages to the app."""

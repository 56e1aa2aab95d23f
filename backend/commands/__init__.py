"""The flask commands of the product (spec/09), one file each; ``register`` finds them all."""

from importlib import import_module
from pkgutil import iter_modules

from flask import Flask


def register(app: Flask) -> None:
    """Every module here offers ``register(app)``."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}").register(app)

"""The flask commands of the product (spec/09), one file each, loaded when they are asked for."""

from importlib import import_module
from pkgutil import iter_modules

from click import Command, Context
from flask import Flask
from flask.cli import AppGroup

_MODULES = tuple(module.name for module in iter_modules(__path__))


class Commands(AppGroup):
    """``flask clock show`` does not load what ``flask doctor`` needs."""

    def __init__(self, app: Flask) -> None:
        super().__init__(app.name)
        self._app = app

    def list_commands(self, ctx: Context) -> list[str]:
        self._load(_MODULES)
        return super().list_commands(ctx)

    def get_command(self, ctx: Context, cmd_name: str) -> Command | None:
        self._load([cmd_name] if cmd_name in _MODULES else _MODULES)
        return super().get_command(ctx, cmd_name)

    def _load(self, names: list[str] | tuple[str, ...]) -> None:
        """Every module here offers ``register(app)``; its name is mostly its command's."""
        for name in names:
            import_module(f"{__name__}.{name}").register(self._app)


def register(app: Flask) -> None:
    """``app.cli`` finds every command."""
    app.cli = Commands(app)

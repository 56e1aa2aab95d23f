"""版本 (S0-01): the product's version, said once, in ``pyproject.toml``."""

import tomllib
from pathlib import Path

VERSION: str = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"][
    "version"
]

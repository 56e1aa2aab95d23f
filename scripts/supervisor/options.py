"""What ``scripts/run.py`` can be asked for. Standard library only."""

import argparse
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Options:
    """The answers to ``--help``; paths are absolute."""

    port: int
    data: Path | None
    setup: Path | None
    demo: bool
    wechat: bool
    tour: bool


def read_options(arguments: list[str]) -> Options:
    """Read the command line; refuses what cannot be meant."""
    parser = argparse.ArgumentParser(
        prog="run.py", description="启动券包 · Start Quanbao on this machine; Ctrl-C stops it."
    )
    parser.add_argument("--port", type=int, default=8000, help="port of the web server (8000)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="data folder (DATA_DIR, or var/)")
    parser.add_argument(
        "--setup", type=Path, metavar="FILE", help="set up this instead of the demo"
    )
    parser.add_argument("--no-demo", action="store_true", help="leave an empty database empty")
    parser.add_argument(
        "--no-wechat", action="store_true", help="no local WeChat platform: use WECHAT_API_BASE_URL"
    )
    parser.add_argument(
        "--tour", action="store_true", help="play the main job on a fresh temporary data folder"
    )
    read = parser.parse_args(arguments)
    if read.setup and not read.setup.is_file():
        parser.error(f"没有这个文件 · no such file: {read.setup}")
    if read.tour and read.no_wechat:
        parser.error("--tour needs the local WeChat platform, --no-wechat leaves it out")
    if not 0 < read.port < 65536:
        parser.error("--port must lie between 1 and 65535")
    return Options(
        port=read.port,
        data=read.data.resolve() if read.data else None,
        setup=read.setup.resolve() if read.setup else None,
        demo=not read.no_demo,
        wechat=not read.no_wechat,
        tour=read.tour,
    )

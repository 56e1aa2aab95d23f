"""部署: what the running app was started with, for those who do not know Flask."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

from flask import current_app

T = TypeVar("T")


def is_production() -> bool:
    """Whether the strict rules of a real deployment hold."""
    return bool(current_app.config["PRODUCTION"])


def wave_chunk() -> int:
    """Members a wave's chunk looks at."""
    return int(current_app.config["WAVE_CHUNK"])


def voucher_letter() -> str:
    """What stands before the numbers of mall vouchers (R-17)."""
    return str(current_app.config["VOUCHER_LETTER"])


def web_threads() -> int:
    """Requests that one web process serves at a time."""
    return int(current_app.config["WEB_THREADS"])


def wechat_api() -> str:
    """Where WeChat's API answers, without a slash at the end."""
    return str(current_app.config["WECHAT_API_BASE_URL"])


def wechat_pay_api() -> str:
    """Where WeChat Pay's API answers, without a slash at the end."""
    return str(current_app.config["WECHAT_PAY_API_BASE_URL"])


def data_dir() -> Path:
    """DATA_DIR: where what is embedded lives."""
    folder: Path = current_app.config["SETTINGS"].data_dir
    return folder


def public_url() -> str:
    """How phones and WeChat reach this deployment, without a slash at the end."""
    return str(current_app.config["PUBLIC_URL"])


def send_lease() -> timedelta:
    """How long a dispatcher may hold a message."""
    lease: timedelta = current_app.config["SEND_LEASE"]
    return lease


def once_per_app(name: str, make: Callable[[], T]) -> T:
    """What this process of the app keeps under ``name``; made when it is first asked for."""
    made: T = current_app.extensions.setdefault(name, make())
    return made

"""设置. Every environment variable of the product, read once, refused if unsafe in production.

A variable may also stand in ``.env``. What is not set falls back to the embedded defaults of
``DATA_DIR``: an SQLite file, the embedded Redis the supervisor started, keys made at random.
"""

import json
import os
import secrets
from functools import cached_property
from pathlib import Path
from typing import Literal, Self

from dotenv import dotenv_values
from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class UnsafeSettings(RuntimeError):
    """The process must not start like this; the text says which variable to set."""


class Settings(BaseSettings):
    """One field per variable; the README lists them with their defaults."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, env_ignore_empty=True)

    environment: Literal["development", "test", "production"] = "development"
    data_dir: Path = Path("var")
    database_url: str = ""
    redis_url: str = ""
    secret_key: str = ""
    encryption_key: str = ""
    public_url: str = "http://127.0.0.1:8000"
    wechat_api_base_url: str = "https://api.weixin.qq.com"
    wechat_pay_api_base_url: str = "https://api.mch.weixin.qq.com"
    metrics_token: str = ""
    clock_start: str = ""
    sms_provider: Literal["local"] = "local"
    web_threads: int = Field(default=8, ge=1, le=64)
    wave_chunk: int = Field(default=6_000, ge=1)
    send_lease_seconds: int = Field(default=60, ge=5)
    voucher_letter: str = Field(default="J", pattern=r"^[A-Z]$")
    trusted_proxies: int = Field(default=0, ge=0, le=5)

    @property
    def production(self) -> bool:
        """Whether the strict rules of a real deployment hold."""
        return self.environment == "production"

    @cached_property
    def keys(self) -> "Keys":
        """The secrets of this deployment: from the environment, else made once in DATA_DIR."""
        if self.secret_key and self.encryption_key:
            return Keys(self.secret_key, self.encryption_key)
        stored = _stored_keys(self.data_dir)
        return Keys(
            self.secret_key or stored["secret_key"], self.encryption_key or stored["encryption_key"]
        )

    @property
    def sqlalchemy_url(self) -> str:
        """The database, with the drivers this project installs."""
        url = self.database_url or f"sqlite:///{(self.data_dir / 'quanbao.db').resolve()}"
        for plain, driver in _DRIVERS.items():
            if url.startswith(plain):
                url = driver + url.removeprefix(plain)
        if url.startswith("mysql+pymysql") and "charset=" not in url:
            url += ("&" if "?" in url else "?") + "charset=utf8mb4"
        return url

    @property
    def redis_address(self) -> str:
        """REDIS_URL, else the embedded one as the supervisor wrote it down."""
        if self.redis_url:
            return self.redis_url
        written = self.data_dir / "run" / "redis.url"
        if written.exists():
            return written.read_text().strip()
        return "redis://127.0.0.1:6379/0"

    @model_validator(mode="after")
    def _safe_in_production(self) -> Self:
        if not self.production:
            return self
        for name in ("secret_key", "encryption_key"):
            value = getattr(self, name)
            if len(value) < 32 or "change" in value.lower() or len(set(value)) < 8:
                raise UnsafeSettings(
                    f"{name.upper()} must be set to at least 32 random characters in production"
                )
        if self.clock_start:
            raise UnsafeSettings("CLOCK_START must not be set in production")
        if os.environ.get("FLASK_DEBUG", "0") not in ("", "0"):
            raise UnsafeSettings("FLASK_DEBUG must be off in production")
        if not self.public_url.startswith("https://"):
            raise UnsafeSettings("PUBLIC_URL must begin with https:// in production")
        return self


def load() -> Settings:
    """Settings of this process: its environment, then what the supervisor of the deployment at
    DATA_DIR wrote down (so that a command finds the same one), then ``.env``."""
    written = dotenv_values(".env")
    data_dir = Path(os.environ.get("DATA_DIR") or written.get("DATA_DIR") or "var")
    files = (".env", data_dir / "run" / "environment")
    return Settings(_env_file=files)  # type: ignore[call-arg]


class Keys:
    """What signs tokens and what encrypts secrets at rest."""

    def __init__(self, secret: str, encryption: str) -> None:
        self.secret = secret
        self.encryption = encryption

    def __repr__(self) -> str:
        return "Keys(…)"


_DRIVERS = {
    "postgresql://": "postgresql+psycopg://",
    "postgres://": "postgresql+psycopg://",
    "mysql://": "mysql+pymysql://",
    "mariadb://": "mysql+pymysql://",
}


def _stored_keys(data_dir: Path) -> dict[str, str]:
    """Keys of an embedded deployment, made once; a second process finds the first one's."""
    path = data_dir / "keys.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    made = {"secret_key": secrets.token_urlsafe(48), "encryption_key": secrets.token_urlsafe(48)}
    draft = path.with_suffix(f".{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(made, file)
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    keys: dict[str, str] = json.loads(path.read_text())
    return keys

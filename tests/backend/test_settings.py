"""Settings refuse what is unsafe in production and make their keys once."""

import threading
from pathlib import Path

import pytest

from backend.settings import Settings, UnsafeSettings, load

SAFE = {
    "environment": "production",
    "secret_key": "kJ8sd7fhw3Lq0zXc5vBn2mQw9eRt6yUi",
    "encryption_key": "Zp4xK1cV7bN0mA3sD6fG9hJ2kL5qW8eR",
    "public_url": "https://q.example",
}


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        ({"secret_key": ""}, "SECRET_KEY"),
        ({"secret_key": "change-me-change-me-change-me-change-me"}, "SECRET_KEY"),
        ({"encryption_key": "a" * 40}, "ENCRYPTION_KEY"),
        ({"clock_start": "2026-01-01T00:00:00+08:00"}, "CLOCK_START"),
        ({"public_url": "http://q.example"}, "PUBLIC_URL"),
    ],
)
def test_production_refuses(bad: dict[str, str], named: str) -> None:
    with pytest.raises(UnsafeSettings, match=named):
        Settings(**(SAFE | bad))


def test_production_takes_good_settings() -> None:
    assert Settings(**SAFE).production


def test_many_processes_agree_on_the_keys_of_a_data_folder(tmp_path: Path) -> None:
    found: list[str] = []

    def read() -> None:
        found.append(Settings(data_dir=tmp_path).keys.secret)

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://u@h/d", "postgresql+psycopg://u@h/d"),
        ("mysql://u@h/d", "mysql+pymysql://u@h/d?charset=utf8mb4"),
        ("mariadb://u@h/d?ssl=1", "mysql+pymysql://u@h/d?ssl=1&charset=utf8mb4"),
    ],
)
def test_plain_urls_get_our_drivers(given: str, used: str) -> None:
    assert Settings(database_url=given).sqlalchemy_url == used


def test_keys_are_not_shown() -> None:
    assert SAFE["secret_key"] not in repr(Settings(**SAFE).keys)


def test_a_command_finds_the_deployment_of_its_data_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "environment").write_text("WECHAT_API_BASE_URL=http://127.0.0.1:9\n")
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert load().wechat_api_base_url == "http://127.0.0.1:9"
    monkeypatch.setenv("WECHAT_API_BASE_URL", "http://127.0.0.1:10")
    assert load().wechat_api_base_url == "http://127.0.0.1:10"

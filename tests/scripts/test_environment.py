"""Installing: by uv, and by pip where uv cannot be had or will not."""

from pathlib import Path

import pytest

from scripts import environment

LOCK = "requirements.txt"
PYTHON = """#!/bin/sh
echo "$@" >> {log}
case "$*" in
  *"config list"*) echo "global.index-url='https://mirror.example/simple'"; exit 0;;
  {refused}) echo "no such thing" >&2; exit 1;;
esac
echo "index $UV_DEFAULT_INDEX" >> {log}
"""


def a_python(folder: Path, *, refused: str) -> Path:
    """Stands in the place of .venv's and writes down what it is asked for."""
    log, python = folder / "asked", folder / "python"
    python.write_text(PYTHON.format(log=log, refused=refused))
    python.chmod(0o755)
    return python


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What was asked for, in order; the environment is a folder of the test's."""
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    monkeypatch.setattr(environment, "VENV", tmp_path)
    monkeypatch.setattr(environment, "PYTHON", tmp_path / "python")
    monkeypatch.setattr(environment, "_PIP", (str(tmp_path / "python"), "-m", "pip"))
    return tmp_path / "asked"


def test_uv_installs_from_pips_own_index_and_pip_only_brings_uv(asked: Path) -> None:
    a_python(asked.parent, refused="never")
    environment._install(LOCK)

    lines = asked.read_text().splitlines()
    by_pip = [line for line in lines if line.startswith("-m pip install")]
    by_uv = [line for line in lines if line.startswith("-m uv pip install")]
    assert len(by_pip) == len(by_uv) == 1
    assert "requirements-uv.txt" in by_pip[0]
    assert LOCK in by_uv[0]
    assert all("--require-hashes" in line for line in (*by_pip, *by_uv))
    assert "index https://mirror.example/simple" in lines
    assert environment._is_installed(LOCK)


@pytest.mark.parametrize(
    "refused", ['*"pip install"*uv.txt', '"-m uv"*'], ids=["cannot be had", "will not start"]
)
def test_without_uv_pip_installs(
    asked: Path, capsys: pytest.CaptureFixture[str], refused: str
) -> None:
    a_python(asked.parent, refused=refused)
    environment._install(LOCK)

    last = [line for line in asked.read_text().splitlines() if "install" in line][-1]
    assert last.startswith("-m pip install")
    assert last.endswith(LOCK)
    assert "pip (no such thing)" in capsys.readouterr().out
    assert environment._is_installed(LOCK)


def test_offline_both_fail_and_the_person_is_told_in_two_languages(asked: Path) -> None:
    a_python(asked.parent, refused="*install*")
    with pytest.raises(SystemExit, match="镜像.*offline"):
        environment._install(LOCK)
    assert not environment._is_installed(LOCK)


def test_uv_is_pinned_with_hashes_like_the_rest() -> None:
    lock = (environment.ROOT / "requirements-uv.txt").read_text()
    assert "uv==" in lock
    assert lock.count("--hash=sha256:") > 5

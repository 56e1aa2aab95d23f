"""The benchmarks run at a tiny size: what they hold to be true of correctness is true, and their
table tells every figure. Ratios of so small a run say nothing and are not judged."""

import re

import pytest

from scripts.bench.__main__ import main
from scripts.bench.ratios import Finding, median_ratio, table

FIGURES = (
    "H1-wave",
    "H1-flat",
    "H1-rerun",
    "H2-claim",
    "H2-sql",
    "H2-identify",
    "H3-sqlite",
    "H3-http",
    "H6-settle",
    "H9-growth",
)
HARD = (
    "people granted again",
    "redemptions per coupon",
    "parts are not the whole",
    "counted twice or lost",
    "claimed twice or lost",
)


@pytest.mark.processes
def test_every_benchmark_runs_and_what_must_hold_at_any_size_holds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    assert main(["--members", "200", "--rounds", "1"]) == 0
    printed = capsys.readouterr().out
    for name in FIGURES:
        assert name in printed
    for line in printed.splitlines():
        if any(words in line for words in HARD):
            assert "MISSED" not in line, line
    (counts,) = re.findall(r"^H2-sql .*?(\d+(?:/\d+)+)", printed, re.MULTILINE)
    assert len(set(counts.split("/"))) == 1, "a claim's statements do not grow with what waits"


@pytest.mark.parametrize(
    ("value", "target", "at_least", "met"),
    [
        (0.60, 0.60, True, True),
        (0.52, 0.60, True, True),
        (0.50, 0.60, True, False),
        (1.5, 1.5, False, True),
        (1.8, 1.5, False, False),
        (0, 0, False, True),
        (1, 0, False, False),
    ],
)
def test_a_target_is_met_within_the_noise(
    value: float, target: float, at_least: bool, met: bool
) -> None:
    found = Finding("H", "what", value, target, at_least=at_least)
    assert found.is_met is met
    assert ("met" if met else "MISSED") in table([found])


def test_the_median_of_the_rounds_own_ratios_counts() -> None:
    assert median_ratio([(1.0, 2.0), (10.0, 10.0), (9.0, 3.0)]) == 1.0

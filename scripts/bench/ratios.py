"""Measuring in turns, and the table that says what came of it."""

import statistics
import time
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

NOISE = 0.85
"""A target counts as met from this share of it on: machines differ from minute to minute."""


@dataclass(frozen=True)
class Finding:
    """One figure against its target. ``at_least``: higher is better."""

    name: str
    what: str
    value: float
    target: float
    at_least: bool
    product: str = ""
    anchor: str = ""

    @property
    def is_met(self) -> bool:
        """Within the noise."""
        if self.at_least:
            return self.value >= self.target * NOISE
        return self.value <= self.target / NOISE if self.target else self.value == 0


def seconds(work: Callable[[], object]) -> float:
    """How long it takes."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def p50(samples: Sequence[float]) -> float:
    return statistics.median(samples)


def p99(samples: Sequence[float]) -> float:
    return sorted(samples)[min(len(samples) - 1, int(len(samples) * 0.99))]


def median_ratio(pairs: Sequence[tuple[float, float]]) -> float:
    """The median of the ratios of each round: what both shared in a round falls out."""
    return statistics.median(one / other for one, other in pairs)


def table(findings: Sequence[Finding]) -> str:
    """The findings, one a line."""
    lines = [("", "what", "value", "target", "product", "anchor", "")]
    for found in findings:
        sign = "≥" if found.at_least else "≤"
        lines.append(
            (
                found.name,
                found.what,
                f"{found.value:.2f}",
                f"{sign} {found.target:g}",
                found.product,
                found.anchor,
                "met" if found.is_met else "MISSED",
            )
        )
    widths = [max(_width(line[place]) for line in lines) for place in range(7)]
    return "\n".join(
        "  ".join(
            cell + " " * (width - _width(cell)) for cell, width in zip(line, widths, strict=True)
        )
        for line in lines
    )


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)

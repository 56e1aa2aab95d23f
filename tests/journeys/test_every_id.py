"""Each requirement that is built is played in a journey that bears its id."""

import re
from pathlib import Path

import pytest

S0 = [*range(1, 9), *range(12, 30)]
S1 = range(1, 28)
S2 = range(17, 58)
S3 = [*range(1, 27), 37, 41]
S4 = range(19, 26)
IDS = [
    f"S{part}_{n:02}"
    for part, numbers in ((0, S0), (1, S1), (2, S2), (3, S3), (4, S4))
    for n in numbers
]

NAMES = "\n".join(
    name
    for file in Path(__file__).parent.glob("test_*.py")
    for name in re.findall(r"^def (test_\w+)", file.read_text(), re.MULTILINE)
)


@pytest.mark.parametrize("requirement", IDS)
def test_a_journey_bears_the_id(requirement: str) -> None:
    assert requirement in NAMES

"""本金与赠金: tiers, and which of the two goes first (M-06)."""

import pytest

from backend.merchants.settings import Tier
from backend.wallet.parts import Parts, bonus_for, given_back, paid_from

TIERS = [
    Tier(principal_fen=500_00, bonus_fen=50_00),
    Tier(principal_fen=1000_00, bonus_fen=150_00),
]


@pytest.mark.parametrize(
    ("recharged_fen", "bonus_fen"),
    [(499_99, 0), (500_00, 50_00), (999_99, 50_00), (1000_00, 150_00), (2000_00, 150_00)],
)
def test_the_highest_tier_that_is_reached_gives_its_bonus_once(
    recharged_fen: int, bonus_fen: int
) -> None:
    assert bonus_for(recharged_fen, tiers=TIERS) == bonus_fen
    assert bonus_for(recharged_fen, tiers=TIERS[::-1]) == bonus_fen
    assert bonus_for(recharged_fen, tiers=[]) == 0


@pytest.mark.parametrize(
    ("fen", "paid"),
    [(150, Parts(150, 0)), (200, Parts(200, 0)), (300, Parts(200, 100)), (350, Parts(200, 150))],
)
def test_principal_pays_before_bonus(fen: int, paid: Parts) -> None:
    assert paid_from(Parts(200, 150), fen) == paid


@pytest.mark.parametrize("back", range(0, 301, 50))
def test_after_a_refund_it_is_as_if_only_the_rest_had_been_paid(back: int) -> None:
    balance = Parts(200, 150)
    paid = paid_from(balance, 300)
    returned, only = given_back(paid, back), paid_from(balance, 300 - back)
    assert (paid.principal_fen - returned.principal_fen) == only.principal_fen
    assert (paid.bonus_fen - returned.bonus_fen) == only.bonus_fen

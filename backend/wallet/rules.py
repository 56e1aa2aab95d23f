"""充值规则 as a merchant has set them: bonus tiers and caps."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue, TypeAdapter

from backend.wallet.caps import Caps
from backend.wallet.parts import Tier


@dataclass(frozen=True)
class Rules:
    """充值赠送 and 余额上限."""

    tiers: tuple[Tier, ...] = ()
    caps: Caps = Caps()


_RULES = TypeAdapter(Rules)


def rules_of(settings: Mapping[str, JsonValue] | None) -> Rules:
    """The rules in a merchant's settings; what is not named is as by default."""
    return _RULES.validate_python(settings or {})

"""Everything one running platform consists of."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import current_app

from scripts.wechat_platform.faults import Faults
from scripts.wechat_platform.pay_notices import Notices
from scripts.wechat_platform.people import Person
from scripts.wechat_platform.pushes import Pushes
from scripts.wechat_platform.store import Store


@dataclass(frozen=True)
class Shown:
    """A QR code on somebody's screen, for the verifier's camera."""

    person: Person
    number: str
    text: str
    at: float


@dataclass
class World:
    """The platform's parts; ``clock`` gives Unix seconds and can be replaced in tests.

    ``chosen`` is the id of the person who opens web pages when no phone says who; ``refund_ends``
    says how the next refunds end, else SUCCESS.
    """

    store: Store
    faults: Faults
    pushes: Pushes
    notices: Notices
    product: str | None
    chosen: str | None = None
    shown: dict[str, Shown] = field(default_factory=dict)
    refund_ends: list[str] = field(default_factory=list)
    clock: Callable[[], float] = time.time


def this_world() -> World:
    """The world of the request being answered."""
    world = current_app.extensions["wechat_platform"]
    assert isinstance(world, World)
    return world

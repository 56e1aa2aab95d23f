"""The same people on the local WeChat platform: their openids, and what they follow.

The few whom a visitor can be stand on the phone page; the crowd (``extra-…``) only receives.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from scripts.wechat_platform import people
from scripts.wechat_platform.accounts import Account, all_accounts
from scripts.wechat_platform.people import Person
from scripts.wechat_platform.setup_file import load_setup
from scripts.wechat_platform.store import Store


class Phones:
    """Everybody's phone. ``now`` is when they were last looked at."""

    def __init__(self, store: Store, *, now: datetime) -> None:
        self.store = store
        self.now = now
        self._people: dict[str, Person] = {}
        self._accounts: dict[str, Account] = {a.app_id: a for a in all_accounts(store)}

    @classmethod
    @contextmanager
    def of(cls, data: Path, setup: Path, *, now: datetime) -> Iterator["Phones"]:
        """The platform of a deployment, with what the set-up file names; all written at the end."""
        store = Store(data / "wechat" / "wechat-platform.sqlite")
        try:
            with store.transaction():
                load_setup(store, setup)
                yield cls(store, now=now)
        finally:
            store.close()

    def person(self, id: str, nickname: str, phone: object) -> str:
        """One more WeChat user."""
        self._people[id] = people.add_person(
            self.store,
            nickname,
            phone=str(phone) if phone else None,
            id=id,
            now=self.now.timestamp(),
        )
        return id

    def openid(
        self, id: str, app_id: str, *, followed_at: datetime | None
    ) -> tuple[str, str | None]:
        """Their openid in an app, and their unionid; with ``followed_at`` they follow it."""
        person, account = self._people[id], self._accounts.get(app_id)
        openid = people.openid_of(self.store, person, app_id)
        if followed_at is not None:
            people.set_follow(
                self.store, openid, app_id, following=True, now=followed_at.timestamp()
            )
        return openid, people.unionid_of(person, account) if account else None

    def unfollow(self, id: str, app_id: str, *, at: datetime) -> None:
        """They follow it no longer."""
        openid = people.openid_of(self.store, self._people[id], app_id)
        people.set_follow(self.store, openid, app_id, following=False, now=at.timestamp())

"""密码: argon2id, at least 10 characters and not a common one; none is ever shown twice."""

import secrets
from pathlib import Path
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from backend.errors import DomainError

LEAST = 10


class PasswordTooShort(DomainError):
    code = "PASSWORD_TOO_SHORT"
    message = "密码至少{least}个字符"


class PasswordTooCommon(DomainError):
    code = "PASSWORD_TOO_COMMON"
    message = "密码太常见，请换一个"


def require_good(password: str) -> None:
    """Refuse what is short, common, or one short pattern over and over."""
    if len(password) < LEAST:
        raise PasswordTooShort(least=LEAST)
    folded = password.casefold()
    if folded in _COMMON or _is_repeated(folded) or _is_run(folded):
        raise PasswordTooCommon()


def at_random() -> str:
    """A new password people can read out and type: ``k7mq-x3vd-…``, 79 bits."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(16))
    return "-".join(letters[at : at + 4] for at in range(0, 16, 4))


def hashed(password: str) -> str:
    """The password as it is stored."""
    with _two_at_once:
        return _hasher.hash(password)


def matches(password: str, stored: str | None) -> bool:
    """Whether it is the password; without a stored one it takes the same time and is not."""
    with _two_at_once:
        try:
            return _hasher.verify(stored or _nobodys, password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False


def _is_repeated(text: str) -> bool:
    """``aaaaaaaaaa``, ``abcabcabcabc``."""
    return any(
        text == (text[:width] * len(text))[: len(text)] for width in range(1, len(text) // 2)
    )


def _is_run(text: str) -> bool:
    """``1234567890``, ``abcdefghij``, also backwards."""
    return any(text in run or text[::-1] in run for run in _RUNS)


_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_RUNS = ("0123456789" * 4, "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")
_COMMON = frozenset(
    Path(__file__).with_name("common_passwords.txt").read_text(encoding="ascii").split()
)
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
_two_at_once = BoundedSemaphore(2)
"""A hash costs 19 MiB: sign-ins queue here before they hurt the tills."""
_nobodys = _hasher.hash(secrets.token_hex(16))

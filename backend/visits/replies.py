"""公众号回复: what the account answers to a follow, a word, a menu click (S0, S4)."""

from collections.abc import Sequence

from backend.database import db
from backend.merchants.models import Merchant
from backend.merchants.settings import ReplySettings

SCAN_A_STORE = "欢迎关注！请扫描门店二维码，领取该门店的优惠券。"
"""On a shared account nobody knows whose customer this is before a store's code is scanned."""


def after_follow(merchant_id: int, *, titles: Sequence[str]) -> str:
    """首次订阅回复, and what the person just got (S0-22)."""
    follow = _replies_of(merchant_id).follow
    words = follow.text if follow else ""
    got = f"您已获得：{'、'.join(titles)}，已放入卡包。" if titles else ""
    return "\n".join(part for part in (words, got) if part)


def to_word(merchant_id: int, word: str) -> str | None:
    """关键词回复: the same word first, then one that is contained; else the default reply."""
    replies = _replies_of(merchant_id)
    return _keyword(replies, word) or (replies.default.text if replies.default else None)


def to_click(merchant_id: int, key: str) -> str | None:
    """菜单点击: the keyword reply of the button's key; no default, for nothing was asked."""
    return _keyword(_replies_of(merchant_id), key)


def _replies_of(merchant_id: int) -> ReplySettings:
    merchant = db.session.get(Merchant, merchant_id)
    return ReplySettings.stored(merchant.replies if merchant else {})


def _keyword(replies: ReplySettings, said: str) -> str | None:
    said = said.strip()
    same = (k for k in replies.keywords if k.match == "exact" and k.word == said)
    inside = (k for k in replies.keywords if k.match == "contains" and k.word in said)
    found = next(same, None) or next(inside, None)
    return found.text if found else None

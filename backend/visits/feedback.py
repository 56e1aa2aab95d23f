"""订阅授权与送达回执: what WeChat tells about the messages we may send, and those we sent."""

from collections.abc import Mapping
from datetime import datetime

from pydantic import JsonValue

from backend.messaging import consents, receipts
from backend.wechat.callbacks import Push


def chosen(push: Push) -> dict[str, str]:
    """授权: template → accept or reject, as the person chose in the dialog or the settings."""
    return {
        str(entry["TemplateId"])[:64]: str(entry["SubscribeStatusString"])
        for entry in _entries(push.fields)
        if "TemplateId" in entry and "SubscribeStatusString" in entry
    }


def note_choice(push: Push, wechat_user_id: int, now: datetime) -> None:
    """The ledger of consents hears of the choice; the push's own key makes it count once."""
    consents.report(
        wechat_user_id, chosen(push), road=consents.Road.PUSH, cause=push.dedupe_key, now=now
    )


def note_receipts(push: Push, now: datetime) -> None:
    """送达回执: of one template message, or of the subscribe messages in the list."""
    for entry in _entries(push.fields) or [push.fields]:
        message_id = entry.get("MsgID")
        status = entry.get("Status") or entry.get("ErrorStatus")
        if isinstance(message_id, str | int) and isinstance(status, str):
            receipts.note(
                push.app_id, str(message_id)[:64], status[:60], openid=push.openid, now=now
            )


def _entries(fields: Mapping[str, JsonValue]) -> list[Mapping[str, JsonValue]]:
    """The ``List`` of a subscribe event: wrapped in XML, bare in JSON, an object when single."""
    wrapped = [value for value in fields.values() if isinstance(value, dict) and "List" in value]
    found = wrapped[0]["List"] if wrapped else fields.get("List")
    entries = found if isinstance(found, list) else [found]
    return [entry for entry in entries if isinstance(entry, dict)]

"""活动图片 (S2-30): kept once by content, told by its own bytes, shown to anybody by its code."""

from datetime import datetime
from hashlib import sha256

from sqlalchemy import insert, select

from backend import tenancy
from backend.database import db, table_of, transactional
from backend.errors import DomainError
from backend.merchants.logo import media_type
from backend.merchants.models import Picture

MOST_BYTES = 1024 * 1024

_pictures = table_of(Picture)


class PictureUnusable(DomainError):
    code = "PICTURE_UNUSABLE"
    message = "活动图片：请上传 PNG 或 JPEG 图片，不超过 1 MB"


@transactional
def keep(content: bytes, *, now: datetime) -> str:
    """The picture's path below the public address; PictureUnusable."""
    if not media_type(content) or len(content) > MOST_BYTES:
        raise PictureUnusable()
    merchant_id = tenancy.merchant_id()
    code = sha256(f"{merchant_id}\n".encode() + content).hexdigest()[:32]
    if find(code) is None:
        db.session.connection().execute(
            insert(_pictures).values(
                merchant_id=merchant_id, code=code, content=content, created_at=now
            )
        )
    return f"/pictures/{code}"


def find(code: str) -> bytes | None:
    """The picture of this code, whosesoever it is."""
    with tenancy.across_merchants("a picture's address names no merchant"):
        found: bytes | None = db.session.connection().scalar(
            select(_pictures.c.content).where(_pictures.c.code == code)
        )
    return found

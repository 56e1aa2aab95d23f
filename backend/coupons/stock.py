"""库存: how many coupons of a template may ever be issued.

Taken when a grant is made, given back when it lapses; one conditional UPDATE, so that two takers
never share the last piece. A template without a limit counts nothing.
"""

from sqlalchemy import Update, select, update

from backend import tenancy
from backend.coupons.errors import StockBelowIssued, TemplateNotFound
from backend.coupons.models import CouponTemplate
from backend.database import MetAnother, changed, db, table_of

_templates = table_of(CouponTemplate)
_NO_END = 2**31 - 1


def take(template_id: int, pieces: int) -> bool:
    """Take all the pieces, or none: ``False`` says 已被领完."""
    if pieces == 0 or changed(
        _one(template_id)
        .where(_templates.c.issued + pieces <= _templates.c.stock)
        .values(issued=_templates.c.issued + pieces)
    ):
        return True
    return left(template_id) is None


def take_some(template_id: int, pieces: int) -> int:
    """As many of the pieces as there are: for a chunk, which serves its first members."""
    while not take(template_id, pieces):
        remaining = left(template_id)
        pieces = pieces if remaining is None else min(pieces, remaining)
    return pieces


def take_sold(template_id: int, pieces: int) -> None:
    """Pieces a mall has sold: paid for, so honoured beyond the limit, which grows with them."""
    changed(
        _one(template_id)
        .where(_templates.c.stock.is_not(None), _templates.c.issued + pieces > _templates.c.stock)
        .values(stock=_templates.c.issued + pieces)
    )
    if not take(template_id, pieces):
        raise MetAnother("somebody took of the stock meanwhile")


def give_back(template_id: int, pieces: int) -> None:
    """What was taken and will not be used may be issued again."""
    if pieces:
        changed(
            _one(template_id)
            .where(_templates.c.stock.is_not(None))
            .values(issued=_templates.c.issued - pieces)
        )


def left(template_id: int) -> int | None:
    """剩余. ``None``: 不限量."""
    row = (
        db.session.connection()
        .execute(
            select(_templates.c.stock, _templates.c.issued).where(
                _templates.c.merchant_id == tenancy.merchant_id(), _templates.c.id == template_id
            )
        )
        .one_or_none()
    )
    if row is None:
        raise TemplateNotFound()
    return None if row.stock is None else int(row.stock - row.issued)


def count_from(template_id: int, *, issued: int) -> None:
    """A template without a limit counts from now on what it has issued; its limit comes next."""
    changed(_one(template_id).values(stock=_NO_END, issued=issued))


def limit(template_id: int, stock: int | None) -> None:
    """Set or lift the limit of a template that counts; StockBelowIssued."""
    if stock is None:
        changed(_one(template_id).values(stock=None, issued=0))
        return
    if not changed(_one(template_id).where(_templates.c.issued <= stock).values(stock=stock)):
        issued = db.session.connection().scalar(
            select(_templates.c.issued).where(
                _templates.c.merchant_id == tenancy.merchant_id(), _templates.c.id == template_id
            )
        )
        raise StockBelowIssued(issued=issued)


def _one(template_id: int) -> Update:
    return update(_templates).where(
        _templates.c.merchant_id == tenancy.merchant_id(), _templates.c.id == template_id
    )

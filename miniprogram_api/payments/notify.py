"""``/wechat/pay/notify``: 支付通知 and 退款通知, in WeChat Pay's own shape of answers.

2xx: stored, or seen before. 4xx and 5xx: WeChat Pay tells it again.
"""

import logging

from flask import Blueprint, Response, jsonify, request
from sqlalchemy.exc import SQLAlchemyError

from backend import clock
from backend.errors import DomainError
from backend.open_bills import giving_back, taking
from backend.wechat import pay
from backend.wechat.errors import PayForged
from backend.wechat.pay import PaidNotice

log = logging.getLogger(__name__)

MOST_BYTES = 64 * 1024

blueprint = Blueprint("payments", __name__, url_prefix="/wechat/pay")


@blueprint.post("/notify")
@blueprint.post("/notify/<mch_id>")
def hear(mch_id: str | None = None) -> Response:
    """支付通知: told once or a hundred times, taken once."""
    request.max_content_length = MOST_BYTES
    body = request.get_data()
    try:
        notice = pay.read_notification(dict(request.headers), body, mch_id=mch_id)
        if isinstance(notice, PaidNotice):
            taking.take(notice, now=clock.now())
        else:
            giving_back.hear(notice, now=clock.now())
    except PayForged as error:
        log.warning("A payment notice was refused as forged", extra={"mch_id": mch_id or ""})
        return _failed(401, error.message)
    except DomainError as error:
        return _failed(error.http_status, error.message)
    except SQLAlchemyError:
        log.exception("A payment notice could not be stored")
        return _failed(503, "系统繁忙")
    return Response(status=204)


def _failed(status: int, words: str) -> Response:
    response = jsonify(code="FAIL", message=words)
    response.status_code = status
    return response

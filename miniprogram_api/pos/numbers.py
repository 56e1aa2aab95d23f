"""单号 as a till may spell them."""

from backend.errors import FieldError, ParamError


def refuse_number(bill: str, *, longest: int) -> None:
    """ParamError for a number that is too long or cannot be printed."""
    if len(bill) > longest or not bill.isprintable():
        words = f"单号最多{longest}个字，不能有控制字符"
        raise ParamError(errors=[FieldError(field="bill", message=words)])

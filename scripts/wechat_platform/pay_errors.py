"""WeChat Pay's refusals: an HTTP status, a code in words, a message."""

_STATUS = {
    "PARAM_ERROR": 400,
    "INVALID_REQUEST": 400,
    "APPID_MCHID_NOT_MATCH": 400,
    "ORDERPAID": 400,
    "ORDERCLOSED": 400,
    "SIGN_ERROR": 401,
    "OUT_TRADE_NO_USED": 403,
    "NOT_ENOUGH": 403,
    "ORDERNOTEXIST": 404,
    "RESOURCE_NOT_EXISTS": 404,
    "NOT_FOUND": 404,
    "SYSTEM_ERROR": 500,
}


class PayError(Exception):
    """A call is refused."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        return _STATUS[self.code]

    def answer(self) -> dict[str, object]:
        return {"code": self.code, "message": self.message}

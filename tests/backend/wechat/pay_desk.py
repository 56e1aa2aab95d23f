"""A shop that takes WeChat Pay, a guest, and what WeChat Pay told about it."""

from dataclasses import dataclass, field
from datetime import timedelta

from backend import tenancy
from backend.wechat import pay
from backend.wechat.pay import Prepared
from scripts.wechat_platform.pay_accounts import PayCredentials
from scripts.wechat_platform.people import Person
from scripts.wechat_platform.server import Platform
from tests.builders import Shop, a_pay_account

Headers = dict[str, str]


@dataclass
class PayDesk:
    """``told`` holds every notice that came: headers and body."""

    platform: Platform
    shop: Shop
    credentials: PayCredentials
    guest: Person
    told: list[tuple[Headers, bytes]] = field(default_factory=list)
    urls: list[str] = field(default_factory=list)

    @property
    def openid(self) -> str:
        return self.platform.openid(self.guest, self.shop.mini)

    def prepare(self, number: str = "bill000001", fen: int = 12345, **more: object) -> Prepared:
        with tenancy.acting_for(self.shop.merchant_id):
            said: dict[str, object] = {
                "out_trade_no": number,
                "amount_fen": fen,
                "description": "星火火锅 A8 桌",
                "app_id": self.shop.mini,
                "openid": self.openid,
                "lasts": timedelta(minutes=5),
                "notify_url": pay.notify_address(self.shop.merchant_id),
            }
            return pay.prepare(**(said | more))  # type: ignore[arg-type]

    def paid(self, number: str = "bill000001", fen: int = 12345) -> tuple[Headers, bytes]:
        """Prepared and paid; the notice."""
        self.platform.pay(self.guest, self.prepare(number, fen).prepay_id)
        return self.told[-1]

    def give_back(self, fen: int, number: str = "back1", of: int = 12345) -> pay.RefundNotice:
        with tenancy.acting_for(self.shop.merchant_id):
            return pay.refund(
                out_trade_no="bill000001",
                out_refund_no=number,
                refund_fen=fen,
                total_fen=of,
                reason="多付",
                notify_url=pay.notify_address(self.shop.merchant_id),
            )


def a_pay_desk(platform: Platform, shop: Shop, *, mch_id: str = "1900000101") -> PayDesk:
    """From now on notices go here and are taken."""
    credentials = platform.pay_account(mch_id, name="星火火锅")
    a_pay_account(shop, credentials)
    desk = PayDesk(platform, shop, credentials, platform.person("安娜"))

    def deliver(url: str, headers: Headers, body: bytes) -> tuple[int, bytes]:
        desk.urls.append(url)
        desk.told.append((headers, body))
        return 204, b""

    platform.deliver_notice = deliver
    return desk

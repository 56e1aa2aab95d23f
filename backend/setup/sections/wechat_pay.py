"""``wechat_pay``: 微信支付商户号 of a merchant (S1-19). Its keys are checked when they are read."""

from typing import Annotated

from pydantic import AfterValidator, JsonValue, StringConstraints
from sqlalchemy import select

from backend import deployment, tenancy
from backend.database import db
from backend.setup.applying import Applying
from backend.setup.section import Section
from backend.wechat import pay_keys
from backend.wechat.models import PayAccount


def _api_v3_key(key: str) -> str:
    if len(key) != 32 or not (key.isascii() and key.isalnum()):
        raise ValueError("APIv3 密钥应为32位数字和字母")
    return key


def _serial_no(number: str) -> str:
    if len(number) > 64 or not number or set(number.upper()) - set("0123456789ABCDEF"):
        raise ValueError("商户 API 证书序列号应为十六进制数")
    return number


def _public_key_id(key_id: str) -> str:
    if not key_id.startswith("PUB_KEY_ID_") or not key_id.isascii() or len(key_id) > 64:
        raise ValueError("微信支付公钥 ID 以 PUB_KEY_ID_ 开头")
    return key_id


class WechatPayEntry(Section):
    mch_id: Annotated[str, StringConstraints(pattern=r"^[0-9]{6,32}$")]
    serial_no: Annotated[str, AfterValidator(_serial_no)] | None = None
    private_key: Annotated[str, AfterValidator(pay_keys.private_key)] | None = None
    api_v3_key: Annotated[str, AfterValidator(_api_v3_key)] | None = None
    public_key_id: Annotated[str, AfterValidator(_public_key_id)] | None = None
    public_key: Annotated[str, AfterValidator(pay_keys.public_key)] | None = None
    active: bool = True


_NEEDED = ("serial_no", "private_key", "api_v3_key", "public_key_id", "public_key")


def apply(entry: WechatPayEntry | None, run: Applying, *, at: str) -> None:
    """登记商户号. One per merchant; a new one needs all its keys."""
    if entry is None:
        return
    account = _known()
    if _is_anothers(entry.mch_id, run.merchant_id):
        run.refuse(f"{at}.mch_id", f"商户号{entry.mch_id}已由别人绑定")
        return
    values = entry.named(*_NEEDED, "active") | {"mch_id": entry.mch_id}
    is_new = account is None or account.mch_id != entry.mch_id
    missing = [name for name in _NEEDED if not values.get(name, None if is_new else "kept")]
    for name in missing:
        run.refuse(f"{at}.{name}", "必填")
    if missing:
        return
    account = account or PayAccount()
    if (wrong := _wrong_key(account, values)) is not None:
        name, words = wrong
        run.refuse(f"{at}.{name}", words)
        return
    run.store(account, values, subject=f"wechat_pay {entry.mch_id}")


def export() -> JsonValue:
    """The 商户号 without what is secret; None without one."""
    account = _known()
    if account is None:
        return None
    entry: dict[str, JsonValue] = {
        "mch_id": account.mch_id,
        "serial_no": account.serial_no,
        "public_key_id": account.public_key_id,
        "public_key": account.public_key,
    }
    return entry if account.active else entry | {"active": False}


def _known() -> PayAccount | None:
    return db.session.scalars(select(PayAccount)).one_or_none()


def _is_anothers(mch_id: str, merchant_id: int | None) -> bool:
    owners = select(PayAccount.merchant_id).where(PayAccount.mch_id == mch_id)
    with tenancy.across_merchants("a 商户号 belongs to one merchant"):
        owner = db.session.scalars(owners).one_or_none()
    return owner is not None and owner != merchant_id


def _wrong_key(account: PayAccount, values: dict[str, object]) -> tuple[str, str] | None:
    """What is wrong with the keys together, as they will stand."""
    keys = {name: str(values.get(name) or getattr(account, name)) for name in _NEEDED}
    if pay_keys.belong_together(keys["private_key"], keys["public_key"]):
        return "public_key", "这是商户自己的公钥，请填微信支付公钥（pub_key.pem）"
    if deployment.is_production() and pay_keys.is_local(keys["public_key_id"], keys["public_key"]):
        return "public_key", "这是本机模拟微信的公钥，不能用于正式环境"
    return None

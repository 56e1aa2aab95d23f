"""带参二维码与小程序码. The scene names the store; what it says is looked up, never believed."""

import re
from dataclasses import dataclass

from backend.wechat import gateway
from backend.wechat.errors import SceneTooLong, told_to_staff
from backend.wechat.models import WechatApp


@dataclass(frozen=True)
class Code:
    """A permanent code of an official account: ``url`` is what its picture holds."""

    url: str
    ticket: str


@dataclass(frozen=True)
class StoreScene:
    """门店码: merchant and store by their codes."""

    merchant: str
    store: str


def store_scene(merchant_code: str, store_code: str) -> str:
    """``s:{merchant code}:{store code}``, fixed in the contract."""
    return f"s:{merchant_code}:{store_code}"


def read_scene(text: str) -> StoreScene | None:
    """The store a scene names, as WeChat sends it on a follow (``qrscene_…``) or on a scan."""
    found = _STORE_SCENE.fullmatch(text.removeprefix("qrscene_"))
    return StoreScene(found[1], found[2]) if found else None


def store_code(app: WechatApp, scene: str) -> Code:
    """公众号带参二维码, without an end; at most 64 characters of scene."""
    if len(scene) > _OA_MOST:
        raise SceneTooLong(scene=scene, most=_OA_MOST)
    with told_to_staff():
        answer = gateway.write(
            app,
            "/cgi-bin/qrcode/create",
            {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": scene}}},
            expects=("url", "ticket"),
        )
    return Code(str(answer["url"]), str(answer["ticket"]))


def miniprogram_code(app: WechatApp, scene: str, *, page: str) -> bytes:
    """小程序码, a picture without an end; at most 32 characters of scene."""
    if len(scene) > _MINI_MOST:
        raise SceneTooLong(scene=scene, most=_MINI_MOST)
    with told_to_staff():
        return gateway.picture(
            app, "/wxa/getwxacodeunlimit", {"scene": scene, "page": page, "check_path": False}
        )


_STORE_SCENE = re.compile(r"s:([^:\s]{1,64}):([^:\s]{1,64})")
_OA_MOST, _MINI_MOST = 64, 32

"""关注者: what WeChat tells of one: no nickname since 2021, the unionid where there is one."""

from dataclasses import dataclass

from backend.wechat import gateway
from backend.wechat.models import WechatApp


@dataclass(frozen=True)
class Follower:
    """Whether they follow now, and who they are across the apps of one open account."""

    unionid: str | None
    subscribed: bool


def follower(app: WechatApp, openid: str) -> Follower:
    """Ask WeChat about one openid of this official account; raises ``WechatError``."""
    answer = gateway.read(
        app,
        "/cgi-bin/user/info",
        params={"openid": openid, "lang": "zh_CN"},
        expects=("subscribe",),
    )
    unionid = answer.get("unionid")
    known = isinstance(unionid, str) and 0 < len(unionid) <= 64
    return Follower(str(unionid) if known else None, answer["subscribe"] == 1)

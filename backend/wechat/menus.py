"""自定义菜单: the buttons below the chat, as ``menu/create`` takes them."""

from collections.abc import Sequence

from pydantic import JsonValue

from backend.wechat import gateway
from backend.wechat.errors import told_to_staff
from backend.wechat.models import WechatApp


def publish(app: WechatApp, buttons: Sequence[JsonValue]) -> None:
    """Show these buttons to every follower; none at all takes the menu away."""
    with told_to_staff():
        if buttons:
            gateway.write(app, "/cgi-bin/menu/create", {"button": list(buttons)})
        else:
            gateway.read(app, "/cgi-bin/menu/delete", params={}, expects=("errcode",))

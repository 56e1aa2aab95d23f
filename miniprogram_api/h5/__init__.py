"""Pages a customer opens inside WeChat: server-rendered, our own style, nothing from elsewhere."""

from miniprogram_api.h5 import bills, claims, tills
from miniprogram_api.h5.blueprint import blueprint

__all__ = ["bills", "blueprint", "claims", "tills"]

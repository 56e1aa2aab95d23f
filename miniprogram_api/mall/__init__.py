"""商城接口 /mall/v1: what a mall tells us, signed with its shop's secret (spec/08)."""

from miniprogram_api.mall import events
from miniprogram_api.mall.blueprint import blueprint

__all__ = ["blueprint", "events"]

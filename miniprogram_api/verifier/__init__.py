"""核销员接口 /api/v1/verifier: the bearer of an ordinary login, once bound (spec/08, S4)."""

from miniprogram_api.verifier import binding, redemptions
from miniprogram_api.verifier.blueprint import blueprint

__all__ = ["binding", "blueprint", "redemptions"]

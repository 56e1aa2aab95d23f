"""Calls of a customer who is logged in: token first, then limits, then keys."""

from flask import Blueprint

from miniprogram_api import idempotency
from miniprogram_api.customer.tokens import current_customer, require_customer

blueprint = Blueprint("customer", __name__, url_prefix="/api/v1")
require_customer(blueprint)
idempotency.protect(blueprint, caller=lambda: current_customer().caller)

"""营销活动 at the desk: list, forms by kind, one campaign's page."""

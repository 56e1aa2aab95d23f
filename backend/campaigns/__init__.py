"""营销活动: who receives what, when and why."""

"""关注者: what WeChat knows of a new follower beyond the openid."""

from backend import clock
from backend.visits import completion
from jobs.runtime import job


@job
def complete(wechat_user_id: int) -> None:
    """Ask for the unionid; a follower known already is left alone."""
    completion.complete(wechat_user_id, now=clock.now())

"""backend/wechat against the local platform."""

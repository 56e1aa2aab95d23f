"""What WeChat calls: the callback of every bound app."""

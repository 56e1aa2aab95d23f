"""What WeChat calls."""

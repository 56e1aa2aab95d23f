"""What WeChat Pay calls."""

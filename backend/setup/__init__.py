"""设置文件: apply and export."""

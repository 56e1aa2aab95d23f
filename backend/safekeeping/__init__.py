"""备份与恢复: a copy that can be trusted, a restore after which nothing goes out twice (D-14)."""

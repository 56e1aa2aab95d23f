"""不变式: what holds at any instant, each as one statement that returns the rows that break it."""

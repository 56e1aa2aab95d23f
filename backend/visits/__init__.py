"""来访: the moments a customer comes: follow, login, at the counter."""

"""The mini-program, as its customers use it: log-in, card pack, dynamic codes."""

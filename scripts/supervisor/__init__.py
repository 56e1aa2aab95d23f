"""总管. Starts a whole deployment on one machine, keeps it alive, and leaves nothing behind."""

"""One connected client: its subscriptions, its token, its rate limits."""

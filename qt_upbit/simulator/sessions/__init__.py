"""A connected client: its subscriptions, token and rate limits."""

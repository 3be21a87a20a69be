"""The order book."""

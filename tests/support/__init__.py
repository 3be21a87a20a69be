"""Helpers of the tests. Nothing here needs Qt, except `support.qt`."""

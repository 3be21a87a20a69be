"""Upbit's protocol without sockets, Qt or a clock: time and randomness are arguments."""

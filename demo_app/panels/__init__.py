"""Panels of the terminal: each an ordinary widget with a proxy of its own."""

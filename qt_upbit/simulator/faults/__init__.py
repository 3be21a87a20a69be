"""Faults: what can go wrong, when, and how it is injected."""

"""Alerts: their rules, and the watcher that looks for them whichever panel is open."""

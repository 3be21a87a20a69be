"""The panel of alerts."""

"""Announcements and indicator signals."""

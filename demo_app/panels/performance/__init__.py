"""The performance monitor."""

"""The panels of the terminal."""

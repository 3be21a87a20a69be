"""The one way an order leaves the terminal, and what is checked before."""

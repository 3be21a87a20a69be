"""Orders and balances."""

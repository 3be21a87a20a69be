"""The simulated accounts: balances, orders, matching, REST calls of the account."""

"""Other people's clients against the simulated exchange: `python -m tests.clients`."""

"""What takes too long for every run of the tests: commands, each ``python -m tests.soak.NAME``."""

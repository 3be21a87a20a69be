"""What broken networks cost, between two network namespaces of Linux: `python -m tests.namespaces`."""

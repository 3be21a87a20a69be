"""The demo terminal: the library's public names, the simulated exchange, and ordinary widgets."""

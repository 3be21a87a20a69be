"""Upbit's server side: a simulated exchange on loopback, from the same declarations as the client."""

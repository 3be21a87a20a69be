"""The socket. Decides nothing."""

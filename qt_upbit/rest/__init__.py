"""REST calls through Upbit's official SDK, returning our types with exact decimals."""

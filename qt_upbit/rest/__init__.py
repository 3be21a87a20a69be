"""REST calls, through Upbit's official SDK, as our types with exact decimals."""

"""The exchange on real sockets: HTTP, WebSocket, REST."""

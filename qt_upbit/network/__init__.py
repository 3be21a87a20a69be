"""The way to the exchange: trust, proxies, addresses, and the wording of what fails on it.

`Network` decides for sockets and REST alike. It knows asyncio, but no Qt, WebSocket or HTTP library.
"""

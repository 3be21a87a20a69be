"""Who gets what: routing and per-subscriber buffers, without sockets, Qt or a clock."""

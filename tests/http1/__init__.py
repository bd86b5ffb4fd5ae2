"""The HTTP/1 cases, replayed against the running server with the oracle application behind it."""

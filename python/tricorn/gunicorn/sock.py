"""`gunicorn.sock`: the class of the listeners that hooks get. Sockets are made by the master, in Rust."""

from ..listener import Listener

BaseSocket = TCPSocket = TCP6Socket = UnixSocket = Listener

__all__ = ["BaseSocket", "TCP6Socket", "TCPSocket", "UnixSocket"]

"""Reads one value of the setting `bind` the way Gunicorn does, for `cfg.address`.

The server's own reading of `bind` is in Rust; this is the form that hooks expect: tuples, paths and numbers.
"""

import re

DEFAULT_PORT = 8000


def parse_address(text: str, default_port: int = DEFAULT_PORT) -> tuple[str, int] | str | int:
    """`(host, port)` for TCP, the path of a unix socket, or the number of an inherited descriptor (`fd://3`).

    Raises RuntimeError for what is none of these.
    """
    if match := re.match(r"unix:(//)?", text):
        return text[match.end() :]
    if text.startswith("fd://"):
        number = text.removeprefix("fd://")
        if not (number.isascii() and number.isdecimal()):
            raise RuntimeError(f"{number!r} is not a valid file descriptor.")
        return int(number)
    text = text.removeprefix("tcp://")
    if not text:
        return "0.0.0.0", default_port
    match = re.fullmatch(r"\[(?P<v6>[^]]*)\](?::(?P<v6_port>.*))?|(?P<host>[^:]*)(?::(?P<port>.*))?", text)
    if match is None:
        raise RuntimeError(f"{text!r} is not a valid address.")
    host, port = match["host"], match["port"]
    if host is None:
        host, port = match["v6"], match["v6_port"]
    return host.lower(), default_port if port is None else _port(port)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and int(text) <= 65535):
        raise RuntimeError(f"{text!r} is not a valid port number.")
    return int(text)

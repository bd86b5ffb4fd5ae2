"""`gunicorn.http.errors`: the exceptions that programs name in their `except` clauses.

The server refuses malformed requests in Rust and raises none of these; a body that cannot be read raises
one of `tricorn.errors`, all of them OSError.
"""


class ParseException(Exception):
    """A request that cannot be parsed."""


class NoMoreData(OSError):
    """The client sent no more."""


class ConfigurationProblem(ParseException):
    """A setting that does not let a request be parsed."""


class InvalidRequestLine(ParseException):
    """A request line that is none."""


class InvalidRequestMethod(ParseException):
    """A method that is none."""


class ExpectationFailed(ParseException):
    """An Expect field that cannot be met."""


class InvalidHTTPVersion(ParseException):
    """A version that is none."""


class InvalidHeader(ParseException):
    """A field that is none."""


class ObsoleteFolding(ParseException):
    """A field on two lines."""


class InvalidHeaderName(ParseException):
    """A field name that is none."""


class UnsupportedTransferCoding(ParseException):
    """A coding that the server does not know."""


class InvalidChunkSize(OSError):
    """A chunk size that is none."""


class ChunkMissingTerminator(OSError):
    """A chunk without its end."""


class LimitRequestLine(ParseException):
    """A request line that is too long."""


class LimitRequestHeaders(ParseException):
    """Too many fields, or one that is too long."""


class InvalidProxyLine(ParseException):
    """A PROXY line that is none."""


class InvalidProxyHeader(ParseException):
    """A PROXY header, version 2, that is none."""


class ForbiddenProxyRequest(ParseException):
    """A PROXY line of somebody who may not speak for others."""


class InvalidSchemeHeaders(ParseException):
    """Fields that contradict each other about the scheme."""

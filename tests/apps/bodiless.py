"""Answers with the status of the path (/204, /304, /200) and a body of five bytes, length declared or not."""


def app(environ, start_response):
    """Not wrapped: the validator forbids a Content-Type beside 204 and 304, and a body is given on purpose"""
    headers = [("X-Kept", "1")]
    if environ["QUERY_STRING"] == "length":
        headers.append(("Content-Length", "5"))
    start_response(environ["PATH_INFO"].lstrip("/") + " Reason", headers)
    return [b"he", b"llo"]

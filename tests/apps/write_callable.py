"""Sends by the write() callable, and by the iterable after it. The query gives the pieces of each: a.b,c.d"""

from wsgiref.validate import validator


@validator
def app(environ, start_response):
    written, _, returned = environ["QUERY_STRING"].partition(",")
    headers = [("Content-Type", "text/plain")]
    if environ["PATH_INFO"] == "/length":
        headers.append(("Content-Length", str(len((written + returned).replace(".", "")))))
    write = start_response("200 OK", headers)
    for piece in filter(None, written.split(".")):
        write(piece.encode())
    return [piece.encode() for piece in returned.split(".") if piece]

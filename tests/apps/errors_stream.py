"""Writes to wsgi.errors what the query says, by each of the three methods."""

from wsgiref.validate import validator


@validator
def app(environ, start_response):
    errors = environ["wsgi.errors"]
    errors.write("written " + environ["QUERY_STRING"] + "\n")
    errors.writelines(["first line\n", "caf\xe9 \u20ac\n"])
    errors.flush()
    print("printed", file=errors)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]

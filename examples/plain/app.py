"""A WSGI application without a framework: PEP 3333 and nothing else."""


def app(environ, start_response):
    """Greet whoever the query names."""
    name = environ["QUERY_STRING"].partition("name=")[2] or "world"
    data = f"hello, {name}\n".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(data)))])
    return [data]

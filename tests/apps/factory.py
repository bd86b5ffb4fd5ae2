"""Factories: create() with arguments, fails() which raises, returns_none() which forgets to return."""

from wsgiref.validate import validator


def create(name="default", times=1):
    @validator
    def app(environ, start_response):
        data = (name * times).encode()
        start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(data)))])
        return [data]

    return app


def fails():
    raise RuntimeError("the factory failed")


def returns_none():
    return None

"""Raises what the path names, before start_response."""

import builtins
from wsgiref.validate import validator


@validator
def app(environ, start_response):
    name = environ["PATH_INFO"].lstrip("/")
    raise getattr(builtins, name)(f"the application raised {name}")

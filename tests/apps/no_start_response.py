"""Returns a body (/), an empty list (/empty) or nothing at all (/none), without calling start_response."""


def app(environ, start_response):
    return {"/empty": [], "/none": None}.get(environ["PATH_INFO"], [b"never"])

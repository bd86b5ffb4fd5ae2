"""A body of text instead of bytes: /list in a list, /bare the text itself, /late after a correct piece."""


def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    if environ["PATH_INFO"] == "/bare":
        return "text"
    return [b"bytes ", "text"] if environ["PATH_INFO"] == "/late" else ["text"]

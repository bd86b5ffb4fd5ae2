"""What gunicorn.socket says about TLS, as JSON; /address looks at the socket itself, too. Not wrapped: it
answers as usual, but the socket is no part of WSGI.
"""

import json


def app(environ, start_response):
    connection = environ["gunicorn.socket"]
    certificate = connection.getpeercert()
    facts = {
        "scheme": environ["wsgi.url_scheme"],
        "version": connection.version(),
        "cipher": connection.cipher(),
        "alpn": connection.selected_alpn_protocol(),
        "names": [value for kind, value in (certificate or {}).get("subjectAltName", ())],
        "der": len(connection.getpeercert(binary_form=True) or b""),
        "remote": environ.get("REMOTE_ADDR"),
        "proxy": environ.get("PROXY_PROTOCOL"),
    }
    if environ["PATH_INFO"] == "/address":
        facts["peer"] = connection.getpeername()
    data = json.dumps(facts).encode()
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
    return [data]

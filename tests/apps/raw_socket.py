"""Takes the connection away from the server: answers the upgrade itself and echoes lines until "bye".

It uses environ["gunicorn.socket"], as WebSocket libraries for WSGI do. Not wrapped: nothing here is HTTP
any more.
"""


def app(environ, start_response):
    connection = environ["gunicorn.socket"]
    connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n")
    with connection.makefile("rb") as lines:
        for line in lines:
            connection.sendall(b"echo " + line)
            if line == b"bye\n":
                break
    return []

"""A WebSocket echo with flask-sock and simple-websocket, and a page beside it."""

from flask import Flask
from flask_sock import Sock

app = Flask(__name__)
sock = Sock(app)


@app.get("/")
def page():
    return "page"


@sock.route("/echo")
def echo(ws):
    while True:
        ws.send(ws.receive())

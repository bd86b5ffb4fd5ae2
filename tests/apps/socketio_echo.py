"""Flask-SocketIO in threading mode: an event comes back, and polling works beside WebSocket."""

from flask import Flask
from flask_socketio import SocketIO, emit

app = Flask(__name__)
socketio = SocketIO(app, async_mode="threading", cors_allowed_origins="*")


@app.get("/")
def index():
    return "plain"


@socketio.on("echo")
def echo(data):
    emit("echoed", data)

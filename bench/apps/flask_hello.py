"""Flask's hello: the application Tricorn exists for, at its smallest.

Used by the server scenarios and, called in a loop without a server, by baseline/app_alone.py.
"""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.get("/")
def hello() -> str:
    return "Hello, world!"

"""A CPU-bound Flask view: a fixed amount of pure Python work per request, for the scaling scenario."""

from __future__ import annotations

from flask import Flask

app = Flask(__name__)


@app.get("/")
def compute() -> str:
    total = 0
    for number in range(60_000):
        total += number & 7
    return str(total)

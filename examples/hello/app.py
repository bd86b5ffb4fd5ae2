"""A small Flask application: a page, JSON, a form, and a streamed response."""

import os

from flask import Flask, Response, jsonify, request

app = Flask(__name__)


@app.get("/")
def index():
    """Say which process answers."""
    return f"hello from process {os.getpid()}\n"


@app.get("/add")
def add():
    """/add?a=1&b=2"""
    return jsonify(sum=request.args.get("a", 0, int) + request.args.get("b", 0, int))


@app.post("/echo")
def echo():
    """Give the body back as it came."""
    return Response(request.get_data(), content_type=request.content_type)


@app.get("/count")
def count():
    """A response in pieces."""
    return Response((f"{number}\n" for number in range(10)), content_type="text/plain")

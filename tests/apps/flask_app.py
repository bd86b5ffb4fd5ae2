"""Flask with what applications do: JSON, forms, uploads, streaming, files, redirects, errors, cookies."""

import io

from flask import Flask, Response, abort, jsonify, redirect, request, send_file

app = Flask(__name__)


@app.get("/")
def index():
    return "hello from flask"


@app.post("/form")
def form():
    uploads = {name: len(file.read()) for name, file in request.files.items()}
    return jsonify(form=request.form.to_dict(), files=uploads, ip=request.remote_addr)


@app.get("/stream")
def stream():
    return Response((f"piece {number}\n" for number in range(100)), mimetype="text/plain")


@app.get("/file")
def file():
    return send_file(io.BytesIO(b"x" * 100_000), mimetype="application/octet-stream")


@app.get("/this")
def this_file():
    return send_file(__file__, mimetype="text/plain", conditional=True)


@app.get("/redirect")
def away():
    return redirect("/")


@app.get("/teapot")
def teapot():
    abort(418)


@app.get("/boom")
def boom():
    raise RuntimeError("boom")


@app.get("/cookies")
def cookies():
    response = jsonify(request.cookies)
    response.set_cookie("seen", "1")
    return response

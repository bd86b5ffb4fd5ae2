"""A FastAPI application, for a worker class that serves ASGI."""

import os

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def root():
    return {"pid": os.getpid()}

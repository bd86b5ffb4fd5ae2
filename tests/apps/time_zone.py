"""Moves its process to another time zone when it is imported, as Django does with its TIME_ZONE."""

import os
import time
from wsgiref.validate import validator

os.environ["TZ"] = "Asia/Tokyo"
time.tzset()


@validator
def app(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "2")])
    return [b"ok"]

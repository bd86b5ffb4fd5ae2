"""prometheus_client in multiprocess mode: every request is counted, and /metrics adds the workers up."""

import os
from wsgiref.validate import validator

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

REQUESTS = Counter("app_requests", "Requests")
ALIVE = Gauge("app_alive", "Workers that live", multiprocess_mode="livesum")
ALIVE.set(1)


@validator
def app(environ, start_response):
    if environ["PATH_INFO"] == "/metrics":
        registry = CollectorRegistry()
        MultiProcessCollector(registry)
        body, kind = generate_latest(registry), CONTENT_TYPE_LATEST
    else:
        REQUESTS.inc()
        body, kind = str(os.getpid()).encode(), "text/plain"
    start_response("200 OK", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]

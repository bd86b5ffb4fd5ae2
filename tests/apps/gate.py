"""/wait answers once there is a file `open` in the folder GATE, and has a file of its own there meanwhile.

Answers with the worker's pid and the thread's name, which is also the name of that file.
"""

import os
import threading
import time
from pathlib import Path
from wsgiref.validate import validator

FOLDER = Path(os.environ["GATE"])


@validator
def app(environ, start_response):
    name = f"{os.getpid()} {threading.current_thread().ident}"
    if environ["PATH_INFO"] == "/wait":
        (FOLDER / name).touch()
        while not (FOLDER / "open").exists():
            time.sleep(0.005)
        (FOLDER / name).unlink()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(name)))])
    return [name.encode()]

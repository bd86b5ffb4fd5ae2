"""What `import gunicorn` gives where Tricorn stands in for it (`tricorn.alias`).

The version is that of the Gunicorn whose interface this is: programs compare it to decide what they may
use. What the server calls itself is SERVER_SOFTWARE. The modules in this folder are those of Gunicorn that
Tricorn has no use for by itself; the others are aliases.
"""

from typing import Any

version_info = (27, 0, 1)
__version__ = ".".join(map(str, version_info))

SERVER = "tricorn"
"""The value of the Server header."""

__tricorn__ = True


def __getattr__(name: str) -> Any:
    if name == "SERVER_SOFTWARE":  # not at import time: it loads the extension module
        from tricorn import _core  # absolute: this file is also executed as `gunicorn`

        return f"{SERVER}/{_core.__version__}"
    raise AttributeError(f"module 'gunicorn' has no attribute {name!r}")

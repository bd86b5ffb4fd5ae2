"""The package `gunicorn`, which is Tricorn: importing it makes every name below it an alias of ours.

What the names are is decided in `tricorn.alias`.
"""

from tricorn.alias import install
from tricorn.gunicorn import SERVER, __getattr__, __tricorn__, __version__, version_info

__all__ = ["SERVER", "__getattr__", "__tricorn__", "__version__", "version_info"]

install()

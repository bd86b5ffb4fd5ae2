"""The command `tricorn` and `python -m tricorn`.

Everything happens in `tricorn._core.main`; this file only hands over the arguments and exits with its code.
"""

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the server with the arguments of this process, and exit with its exit code."""
    from tricorn import _core  # absolute: `python -m gunicorn` runs this file as well

    sys.exit(_core.main(sys.argv))


if __name__ == "__main__":
    main()

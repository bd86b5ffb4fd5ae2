"""One command: `python bench/run.py` measures Tricorn and its peers side by side. See bench/README.md.

The work is in sidebyside/; this file only makes that folder importable from anywhere.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from sidebyside.command import main

if __name__ == "__main__":
    sys.exit(main())

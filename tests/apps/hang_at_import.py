"""Never finishes its import."""

import time

time.sleep(1_000_000)
app = None

"""Worker classes: `base.Worker` to derive from, `sync.SyncWorker` and `gthread.ThreadWorker` that serve
natively."""

from ..class_loader import WORKERS as SUPPORTED_WORKERS

__all__ = ["SUPPORTED_WORKERS"]

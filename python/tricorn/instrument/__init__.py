"""Metrics that leave the process."""

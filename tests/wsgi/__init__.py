"""PEP 3333 by the letter, and what Gunicorn adds to it, seen from both ends of a request."""

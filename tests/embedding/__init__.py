"""Programs that embed the server: Gunicorn's interface and its import names, Flask's command line."""

"""The application objects of the embedding API: what `gunicorn.app` offers, under Tricorn's name."""

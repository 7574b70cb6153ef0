"""The name that a WSGI server is given: `gunicorn wsgi:app`. Settings come from the environment."""

from accessctl.app import create_app

app = create_app()

"""The name that a WSGI server is given: `gunicorn wsgi:app`. Settings come from the environment."""

from accessctl.app import create_app
from accessctl.web import warm

app = create_app()
warm.begin(app)

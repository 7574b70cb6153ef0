"""What the first reader of a page would wait for, made before anybody comes: templates, files, holidays."""

from __future__ import annotations

import gc

from flask import Flask

from accessctl import clock
from accessctl.services.hours import vietnam
from accessctl.web import assets

_COLLECT_AFTER = 25_000  # objects; a page makes thousands, and nearly all of them go without a collection


def warm(app: Flask) -> None:
    """A second or so at the start of a process that will serve for days; changes nothing that anybody sees."""
    for name in app.jinja_env.list_templates(extensions=["html"]):
        app.jinja_env.get_template(name)
    for name in assets.names():
        assets.load(name)
    vietnam(clock.local(clock.now()).year)
    gc.collect()
    gc.freeze()  # what stands now stays: the collector need not walk it again and again
    gc.set_threshold(_COLLECT_AFTER, 20, 50)

"""What the first reader of a page would wait for, made a little after the start: templates, files, holidays, policy."""

from __future__ import annotations

import gc
import threading
import time
from typing import cast

import structlog
from flask import Flask

from accessctl import clock
from accessctl.services import policy_matrix
from accessctl.services.hours import vietnam
from accessctl.services.runtime import Runtime
from accessctl.web import assets

log = structlog.get_logger("accessctl")

_AFTER = 3.0  # seconds: whoever comes at once is served first
_PAUSE = 0.02  # seconds between two steps, for those who are there already
_COLLECT_AFTER = 25_000  # objects; a page makes thousands, and nearly all of them go without a collection


def begin(app: Flask) -> threading.Thread:
    """In a thread of its own, once per process: the service answers from its first moment on."""
    gc.set_threshold(_COLLECT_AFTER, 20, 50)
    thread = threading.Thread(target=_later, args=(app,), name="warm", daemon=True)
    thread.start()
    return thread


def _later(app: Flask) -> None:
    time.sleep(_AFTER)
    try:
        warm(app, pause=_PAUSE)
        log.info("warm.done")
    except Exception:  # nobody waits for it: whatever is missing is made when it is asked for
        log.exception("warm.failed")


def warm(app: Flask, *, pause: float = 0.0) -> None:
    """Some seconds in a process that will serve for days; changes nothing that anybody sees."""
    for name in app.jinja_env.list_templates(extensions=["html"]):
        app.jinja_env.get_template(name)
        time.sleep(pause)
    for name in assets.names():
        assets.load(name)
    vietnam(clock.local(clock.now()).year)
    policy_matrix.prepare(cast(Runtime, app.extensions["accessctl"]))
    gc.collect()
    gc.freeze()  # what stands now stays: the collector need not walk it again and again

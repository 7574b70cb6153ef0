"""`python -m accessctl.jobs`: the worker with the settings of the environment."""

from accessctl.config import Settings
from accessctl.jobs.loop import configure_log
from accessctl.jobs.worker import run

configure_log()
run(Settings.load())

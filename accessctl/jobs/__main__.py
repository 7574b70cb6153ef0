"""`python -m accessctl.jobs [sequencer]`: the worker, or only the sequencer, with the settings of the environment."""

import sys

from accessctl.config import Settings
from accessctl.jobs.loop import configure_log

configure_log()
if sys.argv[1:] == ["sequencer"]:
    from accessctl.jobs.sequencer import run
else:
    from accessctl.jobs.worker import run
run(Settings.load())

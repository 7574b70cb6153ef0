"""One application for each worker process: the pages are the same in every test, only the province behind differs."""

from __future__ import annotations

from flask import Flask

from accessctl.app import create_app
from tests.common.world import Province, World


def application(world: World) -> Flask:
    """The pages on this province. A test that adds routes or changes settings makes an application of its own."""
    province: Province = world.province
    if province.pages is None:
        province.pages = create_app(world.settings, runtime=world.rt)
    province.pages.extensions["accessctl"] = world.rt
    return province.pages

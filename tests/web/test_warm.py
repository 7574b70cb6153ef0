"""A process that has been up for some seconds makes nobody wait for what is the same for everybody."""

from __future__ import annotations

import gc
from unittest.mock import Mock

import pytest
from flask import Flask
from structlog.testing import capture_logs

from accessctl.services import policy_matrix
from accessctl.services.policy_matrix import Query
from accessctl.web import warm
from tests.common.world import World


def test_every_template_and_the_policy_s_table_are_ready_before_somebody_asks(
    quiet_app: Flask, quiet_world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    frozen: list[int] = []
    monkeypatch.setattr(gc, "freeze", lambda: frozen.append(1))
    warm.warm(quiet_app)
    assert frozen == [1]
    ready = {name for _, name in (quiet_app.jinja_env.cache or {})}
    assert ready >= set(quiet_app.jinja_env.list_templates(extensions=["html"]))

    def not_again(*_: object) -> None:
        raise AssertionError("made once more")

    monkeypatch.setattr(policy_matrix, "_whole", not_again)
    monkeypatch.setattr(policy_matrix, "lint", not_again)
    assert policy_matrix.matrix(quiet_world.rt, quiet_world.actor("vpt.gd"), Query()).rows


def test_what_cannot_be_made_ready_stops_nothing(quiet_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[int] = []

    def broken(app: Flask, *, pause: float = 0.0) -> None:
        tried.append(1)
        raise OSError("no such folder")

    monkeypatch.setattr(warm, "warm", broken)
    monkeypatch.setattr(warm, "_AFTER", 0.0)
    before = gc.get_threshold()
    try:
        warm.begin(quiet_app).join(10)
        assert gc.get_threshold()[0] > before[0]
    finally:
        gc.set_threshold(*before)
    assert tried == [1]


def test_a_process_says_when_it_is_warm_and_does_not_say_so_when_it_failed(
    quiet_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "_AFTER", 0.0)
    before = gc.get_threshold()
    said = []
    try:
        for fault in (None, OSError("no such folder")):
            monkeypatch.setattr(warm, "warm", Mock(side_effect=fault))
            with capture_logs() as lines:
                warm.begin(quiet_app).join(10)
            said.append([line["event"] for line in lines])
    finally:
        gc.set_threshold(*before)
    assert said == [["warm.done"], ["warm.failed"]]

"""What the head of a printed list says about its filters, in the words of the form."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from flask import Flask, request

from accessctl.domain import events
from accessctl.web.display import office
from accessctl.web.i18n import language

_NO_FILTERS = frozenset({"page", "sort", "order", "csrf_token"})


def register(app: Flask) -> None:
    """`filters_in_words(form, own words)` for `parts/printed.html`."""
    app.jinja_env.globals["filters_in_words"] = filters_in_words


def filters_in_words(form: Any, own: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Label and value of each filter in force; `own` is what the page says itself, else the form is read."""
    if own is not None:
        return [(name, str(value)) for name, value in own.items() if value]
    if form is None or request.method != "GET":
        return []
    return list(_told(field for field in form if field.name not in _NO_FILTERS and field.data))


def _told(fields: Iterable[Any]) -> Iterator[tuple[str, str]]:
    for field in fields:
        yield str(field.label.text), _value(field)


def _value(field: Any) -> str:
    chosen = [str(label) for value, label, *_ in _choices(field) if str(value) == str(field.data)]
    if chosen:
        return chosen[0]
    if field.name in ("office", "guest", "host"):
        return office(str(field.data))
    if field.name == "event" and field.data in events.TAGS:
        return events.label(field.data, language())
    return str(field.data)


def _choices(field: Any) -> Iterable[tuple[Any, ...]]:
    return field.iter_choices() if getattr(field, "choices", None) else ()

"""`accessctl province apply`: 9 offices, 144 accounts and the local pools; then once more."""

from __future__ import annotations

from bench.measure import Row
from bench.site import Bench


def rows(bench: Bench) -> list[Row]:
    """Measured when the province was built, by the command itself with the start of the program."""
    assert bench.changes["second"] == 0
    with bench.admin() as admin:
        found = admin.execute(
            r"SELECT count(*) FROM pg_roles WHERE rolname ~ '^(tkcl|tkhctt)_[a-z]{3}_[a-z]{3}$'"
        )
        assert found.fetchone() == (144,)
    first, second = bench.founding["first"], bench.founding["second"]
    return [
        Row("province apply, 9 offices, 144 accounts", f"{bench.changes['first']} changes", "–", f"{first:.1f} s",
            "< 15 s", first < 15, 1),
        Row("province apply again, nothing to do", "0 changes", "–", f"{second:.1f} s", "< 3 s", second < 3, 1),
    ]  # fmt: skip

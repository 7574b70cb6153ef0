"""Many small cases in one test: setting up a test costs ten times what one of them does; each that fails is named."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from typing import Any


def each(cases: Iterable[Any], check: Callable[[Any], object], *, ids: Callable[[Any], str] = repr) -> None:
    """Run `check` on every case, also after one has failed, and fail with the names of all that did.

    No case at all is a failure too: then the test would prove nothing.
    """
    looked, wrong = 0, []
    for case in cases:
        looked += 1
        try:
            check(case)
        except Exception as error:  # whatever one case does, the others are looked at
            wrong.append(f"{ids(case)}: {type(error).__name__}: {error}")
    assert looked, "there is no case"
    assert not wrong, f"{len(wrong)} of {looked} cases:\n" + "\n".join(wrong)


def of_each(
    names: str | tuple[str, ...], cases: Iterable[Any], *, ids: Callable[[Any], str] = repr
) -> Callable[[Callable[..., object]], Callable[..., None]]:
    """As `pytest.mark.parametrize`, but one test; only for cases that leave nothing behind in its fixtures."""
    wanted = names if isinstance(names, tuple) else (names,)

    def one_test(check: Callable[..., object]) -> Callable[..., None]:
        def test(**fixtures: Any) -> None:
            def of_case(case: Any) -> None:
                check(**dict(zip(wanted, case if len(wanted) > 1 else (case,), strict=True)), **fixtures)

            each(cases, of_case, ids=ids)

        signature = inspect.signature(check)
        others = [part for name, part in signature.parameters.items() if name not in wanted]
        test.__signature__ = signature.replace(parameters=others)  # type: ignore[attr-defined]
        test.__name__, test.__doc__, test.__module__ = check.__name__, check.__doc__, check.__module__
        test.place_as = check  # type: ignore[attr-defined]  # where pytest says that it stands
        return test

    return one_test

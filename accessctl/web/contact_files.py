"""The contact list as files that other programs open: CSV for a spreadsheet, vCard for an address book (R34)."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from flask import Response
from flask_babel import gettext as _

from accessctl.domain.vcard import Card, vcards
from accessctl.errors import NotFound
from accessctl.services.contact_list import Contact
from accessctl.web.display import day, office, phone


def answer(form: str, people: Sequence[Contact]) -> Response:
    """The file of this form, to be saved. Raises NotFound("page.not_found") for a form that is none of ours."""
    if form == "csv":
        return _file(_csv(people), "text/csv", "can-bo-quan-ly.csv")
    if form == "vcf":
        return _file(_vcf(people), "text/vcard", "can-bo-quan-ly.vcf")
    raise NotFound("page.not_found")


def _file(text: str, kind: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(text.encode(), content_type=f"{kind}; charset=utf-8", headers=headers)


def _csv(people: Sequence[Contact]) -> str:
    """With a byte order mark: without it the usual spreadsheet reads Vietnamese as noise."""
    rows = io.StringIO()
    writer = csv.writer(rows)
    writer.writerow(
        [
            _("STT"), _("Đơn vị"), _("Họ và tên"), _("Chức vụ"), _("Loại tài khoản"), _("Điện thoại"),
            _("Thư điện tử"), _("Từ ngày"),
        ]
    )  # fmt: skip
    for number, one in enumerate(people, start=1):
        name = one.full_name or _("chưa có")
        cells = [
            office(one.office),
            name,
            one.title,
            one.kind,
            phone(one.phone or ""),
            one.email,
            day(one.since),
        ]
        writer.writerow([number, *(_harmless(cell or "") for cell in cells)])
    return "\ufeff" + rows.getvalue()


def _harmless(cell: str) -> str:
    """A spreadsheet must not take a name for a formula."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def _vcf(people: Sequence[Contact]) -> str:
    return vcards(
        Card(
            uid=f"accessctl-{one.office}-{one.kind}",
            full_name=one.full_name,
            organisation=office(one.office),
            title=one.title or "",
            phone=one.phone or "",
            email=one.email or "",
            note=_("Cán bộ quản lý %(kind)s", kind=one.kind),
        )
        for one in people
        if one.full_name
    )

"""A mail about one notice, or about those of a day: plain text and simple HTML, in the reader's language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from email.charset import QP, Charset
from email.header import Header
from email.headerregistry import Address
from email.message import Message
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime, parseaddr
from html import escape

from accessctl.config import MailSettings
from accessctl.domain.notices import NoticeKind
from accessctl.domain.text import plain_line
from accessctl.services import notice_words
from accessctl.services.notice_words import Said, moment, word
from accessctl.services.runtime import Runtime
from accessctl.services.smtp import NotSent
from accessctl.store.models import Mail, Notice

MOST = 100
"""Notices in one summary; the rest is counted."""
_SUBJECT_LIMIT = 200
_UTF8 = Charset("utf-8")
_UTF8.body_encoding = QP


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says: `lines` are a heading (None: as before), a line, its sentence, when and where."""

    subject: str
    intro: tuple[str, ...]
    entries: tuple[tuple[str | None, Said, str, str], ...]
    after: tuple[str, ...]


def compose(
    rt: Runtime, settings: MailSettings, mail: Mail, notices: Sequence[Notice], waiting: int
) -> Message:
    """The whole mail; the same at every try but for what has changed in between. Raises NotSent("mail.address").

    `waiting` counts the notices of a summary, of which `notices` are the first MOST.
    """
    reader = mail.officer
    language = reader.language or "vi"
    address = address_of(reader.email)
    letter = _letter(rt, settings, mail, notices, waiting, language)
    choose = f"{settings.base_url}/notices/preferences"
    sender_name, sender = parseaddr(settings.sender)
    message = MIMEMultipart("alternative")
    message["From"] = _person(sender_name, sender)
    message["To"] = _person(reader.full_name, address)
    message["Subject"] = _encoded(letter.subject[:_SUBJECT_LIMIT], "Subject").encode()
    message["Date"] = format_datetime(mail.made_at)
    message["Message-ID"] = f"<{mail.token}@{sender.rpartition('@')[2]}>"
    message["List-Unsubscribe"] = f"<{choose}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = language
    foot = word("foot", language, link=choose)
    message.attach(MIMEText(_plain(letter, foot, language), "plain", _UTF8))  # type: ignore[arg-type]
    message.attach(MIMEText(_html(letter, foot, choose, language), "html", _UTF8))  # type: ignore[arg-type]
    return message


def _encoded(words: str, name: str) -> Header:
    """RFC 2047. Not by `EmailMessage`: folding a long line, it loses blanks between encoded words (tried on 3.11)."""
    return Header(plain_line(words), "utf-8", header_name=name)


def _person(name: str, address: str) -> str:
    """`name <address>`; the name cannot end the line, nor the address be another one."""
    return f"{_encoded(name, 'To').encode()} <{address}>" if plain_line(name) else address


def address_of(text: str) -> str:
    """One bare address that every server can carry; anything else is nobody's."""
    try:
        known = Address(addr_spec=text.strip())
    except Exception as error:  # the parser of the standard library fails in many ways on what is no address
        raise NotSent("mail.address", server=False) from error
    if not known.addr_spec.isascii() or not known.domain or any(ord(c) <= 32 for c in known.addr_spec):
        raise NotSent("mail.address", server=False)
    return known.addr_spec


def _letter(
    rt: Runtime,
    settings: MailSettings,
    mail: Mail,
    notices: Sequence[Notice],
    waiting: int,
    language: str,
) -> Letter:
    hello = word("hello", language, name=plain_line(mail.officer.full_name))
    entries, before = [], None
    for row in notices:
        said = notice_words.say(rt, row.kind, row.about, language)
        label = notice_words.label(NoticeKind(row.kind), language)
        heading = label if mail.digest_day and label != before else None
        before = label
        entries.append((heading, said, moment(row.at), f"{settings.base_url}/notices/{row.id}"))
    if mail.digest_day is None:
        return Letter(entries[0][1].title, (hello,), tuple(entries), ())
    day = notice_words.day(mail.digest_day.isoformat())
    after = [word("all", language, link=f"{settings.base_url}/notices/")]
    if waiting > len(notices):
        after.insert(0, word("digest_more", language, count=waiting - len(notices)))
    return Letter(
        word("digest_subject", language, day=day, count=waiting),
        (hello, word("digest_intro", language, count=waiting)),
        tuple(entries),
        tuple(after),
    )


def _plain(letter: Letter, foot: str, language: str) -> str:
    parts = list(letter.intro)
    for heading, said, at, link in letter.entries:
        lines = [f"== {heading} =="] if heading else []
        lines += [said.text, word("at", language, at=at), word("open", language, link=link)]
        parts.append("\n".join(lines))
    return "\n\n".join([*parts, *letter.after, f"-- \n{foot}"]) + "\n"


def _html(letter: Letter, foot: str, choose: str, language: str) -> str:
    body = [f"<p>{escape(line)}</p>" for line in letter.intro]
    for heading, said, at, link in letter.entries:
        body += [f"<h2>{escape(heading)}</h2>"] if heading else []
        body.append(
            f'<p><b><a href="{escape(link)}">{escape(said.title)}</a></b><br>{escape(said.text)}'
            f"<br><small>{escape(word('at', language, at=at))}</small></p>"
        )
    body += [f"<p>{escape(line)}</p>" for line in letter.after]
    body.append(f'<hr><p><small>{escape(foot)} <a href="{escape(choose)}">{escape(choose)}</a></small></p>')
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8"><title>{escape(letter.subject)}'
        f"</title></head><body>{''.join(body)}</body></html>\n"
    )

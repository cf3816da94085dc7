"""Lines for scripts: one a notification, harmless where a terminal shows them."""

from __future__ import annotations

import os
import pty
from datetime import UTC

import pytest

from notifyws.cli import status, token
from notifyws.cli.options import emit_shaped, shape_of
from notifyws.config.settings import Settings
from notifyws.config.sources import Loaded
from notifyws.diagnostics.report import Report
from notifyws.errors import UsageError
from notifyws.events import Closed
from notifyws.models import Notification
from notifyws.ui.formatting import Format, Query
from notifyws.ui.output import Output
from notifyws.ui.renderers import shaped_renderer

AT = "2024-01-15T10:30:00Z"
TRIP = Notification(
    {"type": "trip", "title": "Trip\nStarted", "data": {"n": 1}, "json": "own"}, AT
)
EVIL = Notification({"type": "t", "title": "\x1b]0;owned\x07a\u202eb\n"}, AT)


async def shown(shape, *items, terminal=False) -> str:
    """Return what a face writes for a burst."""
    read, write = pty.openpty() if terminal else os.pipe()
    output = Output(write)
    try:
        await shaped_renderer(output, shape, UTC).show(items)
        os.write(write, b"$")
        return os.read(read, 65536).decode().removesuffix("$")
    finally:
        output.close()
        os.close(read)
        os.close(write)


LONG = Notification({"title": "x" * 9000}, AT)
ODD = Notification({"type": "t", "title": "\ud800"}, AT)


@pytest.mark.parametrize(
    ("shape", "items", "lines"),
    [
        (
            Format("{time} {type} {title}: {data.n}{message}"),
            (TRIP, Closed(), TRIP),
            "10:30:00 trip Trip Started: 1\n" * 2,
        ),
        (Format("{timestamp}"), (TRIP,), f"{AT}\n"),
        (Format("{json}"), (TRIP,), TRIP.line() + "\n"),  # whatever they call so
        (Format("{title}"), (Closed(),), ""),
        (Format(r"{type}\0"), (TRIP, TRIP), "trip\0trip\0"),
        (Format("{title}."), (EVIL,), "ab .\n"),
        (Format("{title}"), (LONG,), "x" * 9000 + "\n"),
        (Format("{title}"), (ODD,), "\ufffd\n"),
        (Query("title"), (TRIP,), "Trip Started\n"),
        (Query("data"), (TRIP,), '{"n":1}\n'),
        (Query("nonesuch"), (TRIP,), "\n"),
        (Query("title", as_json=True), (TRIP,), '"Trip\\nStarted"\n'),
        (Query("timestamp"), (TRIP,), f"{AT}\n"),
    ],
)
async def test_each_notification_is_one_line_of_text_alone(shape, items, lines):
    assert await shown(shape, *items) == lines


async def test_remote_text_is_text_on_a_terminal():
    assert await shown(Format("{title}."), EVIL, terminal=True) == "ab .\r\n"


def test_an_object_is_printed_in_its_shape(capfd):
    emit_shaped(Format(r"{a}\0"), {"a": "\ud800\n"})
    emit_shaped(Query("a"), {"a": "two\nlines"})
    assert capfd.readouterr().out == "\ufffd \0two lines\n"


@pytest.mark.parametrize(
    ("format_", "query", "json"),
    [("x", "x", False), ("x", None, True), ("", "", False)],
)
def test_shapes_exclude_each_other(format_, query, json):
    with pytest.raises(UsageError, match="exclude each other"):
        shape_of(format_, query, json=json)


def test_a_shape_is_made_of_what_goes_together():
    assert shape_of(None, None, json=True) is None
    assert shape_of(None, "a", json=True).text({"a": "x"}, str) == '"x"'
    with pytest.raises(UsageError, match="not UTF-8"):
        shape_of("\udcff", None, json=False)


@pytest.mark.parametrize(
    ("template", "unknown", "hint"),
    [
        ("{acessToken}", "acessToken", "did you mean {accessToken}?"),
        ("{source} {expires}", "expires", "did you mean {expiresIn}?"),
        ("{source.zzz} {zzz.source}", "zzz", "there are {accessToken}, {expiresIn}, "),
    ],
)
def test_a_field_that_a_token_never_has_is_a_wrong_use_with_the_nearest_one(
    template, unknown, hint
):
    with pytest.raises(UsageError, match=f"there is no field {{{unknown}}}") as caught:
        shape_of(template, None, json=False, known=token.FIELDS)
    assert caught.value.hint.startswith(hint)


def test_what_may_have_any_field_has_no_unknown_ones():
    assert shape_of("{nonesuch}", None, json=False).text({}, str) == ""
    known = shape_of("{source} {userId.x}{{y}}", None, json=False, known=token.FIELDS)
    assert known.text({"source": "cache"}, str) == "cache {y}"


def test_the_fields_of_status_are_those_of_its_report():
    sources = dict.fromkeys(("url", "socket_url"), "default")
    assert tuple(Report(Loaded(Settings(), sources)).as_json()) == status.FIELDS

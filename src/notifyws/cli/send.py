"""``notifyws send``: one message or many, with proof of what became of them."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import typer

from notifyws.cli.completion import types
from notifyws.cli.input import can_ask, prompt, text_from_stdin
from notifyws.cli.options import (
    Common,
    examples,
    exclude,
    option,
    want_positive,
    with_common,
)
from notifyws.cli.process import run
from notifyws.config.files import read_text_file
from notifyws.delivery.message_input import from_parts, from_stdin, payload_of
from notifyws.errors import UsageError
from notifyws.models import SAMPLES, Message

EXAMPLES = examples(
    'notifyws send --type trip_update -T "Trip Started" -m "On the way" tripId=123',
    "notifyws send --lines < messages.jsonl",
    "notifyws send --sample -t trip_update --wait \"type == 'trip_update'\"",
)

DEFAULT_TYPE = "notification"

body = partial(option, panel="The message")


@with_common
def send(
    *,
    pairs: list[str] | None = typer.Argument(
        None, metavar="[KEY=TEXT | KEY:=JSON]...", help="More keys of the payload."
    ),
    type_: str | None = option(
        "--type -t TYPE",
        "Kind of message; notification when left out.",
        autocompletion=types,
    ),
    title: str | None = body("--title -T TEXT", "Its headline."),
    message: str | None = body("--message -m TEXT", "Its text."),
    link: str | None = body("--link URL", "Where it leads."),
    payload: str | None = body("--payload JSON|@FILE", "The whole payload."),
    sample: bool = body(
        "--sample",
        "The example of a known type (trip_update, payment_approved, "
        "message_received).",
        default=False,
    ),
    lines: bool = body(
        "--lines", 'Send JSON Lines from stdin: {"type", "payload"}.', default=False
    ),
    dry_run: bool = option(
        "--dry-run", "Print the frame, send nothing.", default=False
    ),
    wait: str | None = option(
        "--wait EXPR",
        "Wait for a notification where this JMESPath expression is true, and "
        "print it; exit code 3 if none comes.",
    ),
    timeout: float = option(
        "--timeout SECONDS", "In all: to connect, send and wait.", default=10.0
    ),
    common: Common,
    json: bool = option("--json", "Print what became of it as JSON.", default=False),
) -> None:
    """Send a message, and claim success only when the server has taken it."""
    from notifyws.cli.send_message import Request, print_frame, send_and_wait, send_one

    exclude(("--wait", wait), ("--lines", lines))
    exclude(("--wait", wait), ("--dry-run", dry_run))
    kind = DEFAULT_TYPE if type_ is None else type_
    texts = {"title": title, "message": message, "link": link}
    whole = _whole(payload) if payload is not None else None
    given = from_parts(kind, texts, pairs or (), whole, sample=sample)
    if lines and given is not None:
        raise UsageError("--lines takes its messages from stdin only", "give no body")
    want_positive("--timeout", timeout, 10)
    settings = common.load().settings
    request = Request(timeout, json, common.quiet, wait)
    if lines:
        from notifyws.cli.send_lines import send_lines

        return run(send_lines(request, settings, dry_run=dry_run))
    one = given or _asked_for(type_, common.quiet)
    if dry_run:
        return print_frame(settings, one)
    return run((send_one if wait is None else send_and_wait)(request, settings, one))


def _whole(payload: str) -> dict[str, object]:
    if not payload.startswith("@"):
        return dict(payload_of(payload, "--payload"))
    path = payload[1:]
    return dict(payload_of(read_text_file(Path(path)), path))


def _asked_for(kind: str | None, quiet: bool) -> Message:
    """Return the message that is typed or piped, when no body was given."""
    if can_ask():
        return _ask(kind)
    waiting = "" if quiet else "Reading the message from stdin ..."
    return from_stdin(kind or DEFAULT_TYPE, text_from_stdin(waiting))


def _ask(kind: str | None) -> Message:
    """Return the message that is typed; Enter keeps what stands in brackets.

    The type is asked for when it was not given; a known one offers its example's title
    and message.
    """
    kind = _typed("Type", DEFAULT_TYPE) if kind is None else kind
    offered = SAMPLES.get(kind, {})
    texts = {
        name: _typed(name.capitalize(), offered.get(name, "")) or None
        for name in ("title", "message")
    }
    message = from_parts(kind, texts)
    if message is None:
        raise UsageError("an empty message is not sent", "give --message TEXT")
    return message


def _typed(what: str, default: str) -> str:
    return prompt(what, default, show_default=bool(default))

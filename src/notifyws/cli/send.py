"""``notifyws send``: one message or many, with proof of what became of them."""

from __future__ import annotations

import select
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifyws.cli.completion import types
from notifyws.cli.format_options import exclude
from notifyws.cli.message_prompt import DEFAULT_TYPE, ask
from notifyws.cli.options import (
    Common,
    EnvFile,
    Profile,
    Quiet,
    Server,
    Url,
    Verbose,
)
from notifyws.cli.process import run
from notifyws.config.files import read_text_file
from notifyws.config.settings import Settings
from notifyws.delivery.message_input import from_parts, from_stdin, payload_of
from notifyws.errors import UsageError
from notifyws.models import Message
from notifyws.ui.streams import say

if TYPE_CHECKING:
    from notifyws.cli.send_message import Request

EXAMPLES = """
Examples:

  notifyws send --type trip_update -T "Trip Started" -m "On the way" tripId=123

  notifyws send --lines < messages.jsonl

  notifyws send --sample -t trip_update --wait "type == 'trip_update'"
"""

BODY = "The message"


PairsOption = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=TEXT | KEY:=JSON]...", help="More keys of the payload."
    ),
]
TypeOption = Annotated[
    str | None,
    typer.Option(
        "--type",
        "-t",
        metavar="TYPE",
        autocompletion=types,
        help="Kind of message; notification when left out.",
    ),
]
TitleOption = Annotated[
    str | None,
    typer.Option(
        "--title", "-T", metavar="TEXT", help="Its headline.", rich_help_panel=BODY
    ),
]
MessageOption = Annotated[
    str | None,
    typer.Option(
        "--message", "-m", metavar="TEXT", help="Its text.", rich_help_panel=BODY
    ),
]
LinkOption = Annotated[
    str | None,
    typer.Option("--link", metavar="URL", help="Where it leads.", rich_help_panel=BODY),
]
PayloadOption = Annotated[
    str | None,
    typer.Option(
        "--payload",
        metavar="JSON|@FILE",
        help="The whole payload.",
        rich_help_panel=BODY,
    ),
]
SampleOption = Annotated[
    bool,
    typer.Option(
        "--sample",
        help="The example of a known type (trip_update, payment_approved, "
        "message_received).",
        rich_help_panel=BODY,
    ),
]
LinesOption = Annotated[
    bool,
    typer.Option(
        "--lines",
        help='Send JSON Lines from stdin: {"type", "payload"}.',
        rich_help_panel=BODY,
    ),
]
DryRunOption = Annotated[
    bool, typer.Option("--dry-run", help="Print the frame, send nothing.")
]
WaitOption = Annotated[
    str | None,
    typer.Option(
        "--wait",
        metavar="EXPR",
        help="Wait for a notification where this JMESPath expression is true, and "
        "print it; exit code 3 if none comes.",
    ),
]
TimeoutOption = Annotated[
    float,
    typer.Option(
        "--timeout", metavar="SECONDS", help="In all: to connect, send and wait."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print what became of it as JSON.")
]


def send(
    pairs: PairsOption = None,
    type_: TypeOption = None,
    title: TitleOption = None,
    message: MessageOption = None,
    link: LinkOption = None,
    payload: PayloadOption = None,
    sample: SampleOption = False,
    lines: LinesOption = False,
    dry_run: DryRunOption = False,
    wait: WaitOption = None,
    timeout: TimeoutOption = 10.0,
    server: Server = None,
    profile: Profile = None,
    url: Url = None,
    env_file: EnvFile = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    json: JsonOption = False,
) -> None:
    """Send a message, and claim success only when the server has taken it."""
    from notifyws.cli.send_message import Request

    exclude(("--wait", wait), ("--lines", lines))
    exclude(("--wait", wait), ("--dry-run", dry_run))
    kind = DEFAULT_TYPE if type_ is None else type_
    texts = {"title": title, "message": message, "link": link}
    whole = _whole(payload) if payload is not None else None
    given = from_parts(kind, texts, pairs or (), whole, sample=sample)
    _check(timeout, lines=lines, given=given)
    settings = Common(server, profile, url, env_file, verbose, quiet).load().settings
    request = Request(timeout, json, quiet, wait)
    if lines:
        from notifyws.cli.send_lines import send_lines

        return run(send_lines(request, settings, dry_run=dry_run))
    return _carry_out(
        request, settings, given or _asked_for(type_, quiet), dry_run=dry_run
    )


def _check(timeout: float, *, lines: bool, given: Message | None) -> None:
    if lines and given is not None:
        raise UsageError("--lines takes its messages from stdin only", "give no body")
    if not timeout > 0:
        message = f"--timeout must be more than 0, not {timeout:g}"
        raise UsageError(message, "give it seconds, as in --timeout 10")


def _carry_out(
    request: Request, settings: Settings, message: Message, *, dry_run: bool
) -> None:
    from notifyws.cli.send_message import print_frame, send_one

    if dry_run:
        return print_frame(settings, message)
    if request.wait is not None:
        from notifyws.cli.send_and_wait import send_and_wait

        return run(send_and_wait(request, settings, message))
    return run(send_one(request, settings, message))


def _whole(payload: str) -> dict[str, object]:
    if not payload.startswith("@"):
        return dict(payload_of(payload, "--payload"))
    path = payload[1:]
    return dict(payload_of(read_text_file(Path(path)), path))


def _asked_for(kind: str | None, quiet: bool) -> Message:
    """Return the message that is typed or piped, when no body was given."""
    if sys.stdin is not None and sys.stdin.isatty():
        return ask(kind)
    return from_stdin(DEFAULT_TYPE if kind is None else kind, _piped(quiet))


def _piped(quiet: bool) -> str:
    """Return all of stdin; say that it is read when nothing comes for a second."""
    if sys.stdin is None:
        return ""
    if not quiet and not select.select([sys.stdin], [], [], 1.0)[0]:
        say("Reading the message from stdin ...")
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("stdin is not UTF-8 text") from None

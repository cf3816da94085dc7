"""``notifyws profile new --from-har``: reads, asks what was not told, writes, tries.

What a recording shows is told by ``protocol.har``; here are the questions of a
terminal, and where a profile is to be mended that a server does not take.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from notifyws.cli.input import ask, can_ask, prompt
from notifyws.cli.options import Common
from notifyws.cli.profile_new import free_path, keep
from notifyws.config.files import read_text_file
from notifyws.errors import UsageError
from notifyws.ui.streams import say, warner

if TYPE_CHECKING:
    from notifyws.diagnostics.profile_check import Stage
    from notifyws.protocol.har.profile_draft import HarDraft
    from notifyws.protocol.har.recording import Recording

LARGEST = 64 << 20
"""Bytes of a HAR that is read; pictures and scripts make them large."""
TABLES = {
    "login": ("http.login", "tokens"),
    "refresh": ("http.refresh",),
    "verify": ("http.verify",),
    "socket": ("handshake", "socket"),
    "first frame": ("rules",),
    "ping": ("keepalive",),
    "ids": ("rules.fields", "rules"),
}
"""Which tables of a profile say what each step does; the first that is there."""


def new_from_har(
    file: Path, name: str | None, output: Path | None, *, check: bool
) -> None:
    """Write a profile out of what a browser recorded, and try it if that is wanted.

    Args:
        file: the HAR.
        name: of the profile; that of the host if nobody says one.
        output: where to write it; among the user's own profiles without.
        check: whether to try it on the server that was recorded.

    Raises:
        UsageError, ConfigurationError: it cannot be read, written, or spoken.
        NotifyError: the server does not take the profile.
    """
    from notifyws.protocol.har.recording import read_recording
    from notifyws.protocol.har.sockets import host_of

    recording = read_recording(read_text_file(file, limit=LARGEST), str(file))
    host = host_of(recording)
    if not name:
        asked = can_ask()
        name = prompt("Name of the profile", host, show_default=True) if asked else host
    path = free_path(name, output)
    drafted = _answered(recording, name)
    keep(drafted.text, path)
    for remark in drafted.remarks:
        say(f"To mend: {remark}")
    for question in drafted.questions:
        taken = question.default or "nothing"
        say(f"Not told: {question.text}? {taken} is taken")
    shown = name if output is None else str(path)
    if check or (can_ask() and _wanted(drafted)):
        return _try(drafted, shown, path)
    also = f"NEXT_PUBLIC_WEBSOCKET_SERVER_URL={drafted.socket_url} "
    command = f"notifyws profile check {shown} --url {drafted.url} --username me"
    say(f"Next: {also if drafted.socket_url else ''}{command}")
    return None


def _answered(recording: Recording, name: str) -> HarDraft:
    """Return the draft, once all that can be asked was asked."""
    from notifyws.protocol.har.profile_draft import har_draft

    answers: dict[str, str] = {}
    drafted = har_draft(recording, name)
    while can_ask() and drafted.questions:
        one = drafted.questions[0]
        answers[one.key] = prompt(one.text, one.default, show_default=True)
        drafted = har_draft(recording, name, answers)
    return drafted


def _wanted(drafted: HarDraft) -> bool:
    asked = f"Try it on {drafted.url} now (y, n)"
    return prompt(asked, "n", show_default=True).lower().startswith("y")


def _try(drafted: HarDraft, shown: str, path: Path) -> None:
    """Walk the profile on the server that was recorded, and say what to mend."""
    from notifyws.auth.authenticator import Authenticator
    from notifyws.cli.profile import gone_through
    from notifyws.diagnostics.profile_check import walk

    if drafted.socket_url:
        message = "the socket has another origin than the login, so it was not tried"
        known = f"NEXT_PUBLIC_WEBSOCKET_SERVER_URL={drafted.socket_url}"
        hint = f"{known} notifyws profile check {shown} --url {drafted.url}"
        raise UsageError(message, hint)
    common = Common(profile=str(path), url=drafted.url)
    settings = common.load().settings
    if can_ask() and not settings.token:
        username = settings.username or ask("Username", drafted.url)
        password = settings.password or ask("Password", drafted.url)
        settings = common.load(username=username, password=password).settings
    stages = walk(Authenticator(settings, warner(False)), 5.0)
    for stage in gone_through(stages, drawn=True):
        if stage.outcome in ("fail", "warn"):
            say(f"To mend: {_place(stage, path)}")
        if stage.error is not None:
            raise stage.error
    say(f"Next: notifyws listen --profile {shown} --url {drafted.url}")


def _place(stage: Stage, path: Path) -> str:
    """Return where a profile says what a step did."""
    lines = path.read_text("utf-8").splitlines()
    for table in TABLES.get(stage.name, ()):
        for number, line in enumerate(lines, 1):
            if line.strip("[]") == table:
                return f"{path}:{number}: [{table}] says how; {stage.detail}"
    return f"{path}: {stage.detail}"

"""``notifyws profile new``: a first profile, from answers, a frame, or a HAR.

What a recording shows is told by ``protocol.har``; here are the questions of a
terminal, and where a profile is to be mended that a server does not take.
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from notifyws.cli.input import ask, can_ask, frames_of, prompt, want_terminal
from notifyws.cli.options import Common, examples, option
from notifyws.config.files import read_text_file, write_private
from notifyws.errors import ConfigurationError, UsageError, command
from notifyws.ui.streams import say, warner

if TYPE_CHECKING:
    from notifyws.diagnostics.findings import Finding
    from notifyws.protocol.har.profile_draft import HarDraft
    from notifyws.protocol.har.recording import Recording

NEW_EXAMPLES = examples(
    "notifyws profile new",
    "notifyws profile new --name acme --login-path /login --sample frame.json",
    "notifyws profile new --from-har recorded.har --check",
)

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


def new(
    name: str | None = option("--name NAME", "What to call it."),
    login_path: str | None = option("--login-path PATH", "Where to log in."),
    username_key: str = option(
        "--username-key KEY", "The username's key in the login.", default="username"
    ),
    password_key: str = option(
        "--password-key KEY", "The password's key in the login.", default="password"
    ),
    token_path: str | None = option("--token-path PATH", "The token in the answer."),
    token_in: str | None = option("--token-in PLACE", "Where the socket takes it."),
    socket_path: str | None = option("--socket-path PATH", "The socket's path."),
    sample: str | None = option(
        "--sample FILE|-", "A file with a frame; better, several."
    ),
    output: Path | None = option("--output -o FILE", "Where to."),
    from_har: Path | None = option(
        "--from-har FILE", "What a browser recorded of its page."
    ),
    check: bool = option(
        "--check", "With --from-har: try it on that server at once.", default=False
    ),
) -> None:
    """Write a first profile for your server, from a few answers or a recording."""
    from notifyws.protocol.draft import Answers, draft

    if from_har is not None:
        return _new_from_har(from_har, name, output, check=check)
    if check:
        raise UsageError("--check needs a recording", "give --from-har FILE as well")
    name = _name(name)
    path = _free_path(name, output)
    asking = sample is None and login_path is None and can_ask()
    answers = Answers(
        name,
        _or_ask(login_path, "Path to log in (empty: ready-made token)", asking),
        username_key,
        password_key,
        token_path or "access_token",
        _or_ask(token_in, "Token in (header, query:NAME, message)", asking, "header"),
        _or_ask(socket_path, "Path of the socket (empty: the URL's)", asking),
        frames_of(sample) if sample is not None or asking else "",
    )
    _keep(draft(answers), path)
    shown = name if output is None else str(path)
    where = ("--url", "wss://host", "--username", "me")
    say(f"Next: {command('profile', 'check', shown, *where)}")
    return None


def _free_path(name: str, output: Path | None) -> Path:
    """Return where a new profile is to be written.

    Raises:
        UsageError: there is one already.
        ConfigurationError: a name is no path.
    """
    from notifyws.protocol.loader import own_file

    path = output or own_file(name)
    if path.exists():
        raise UsageError(f"{path} is there already", "give another --name or --output")
    return path


def _keep(text: str, path: Path) -> None:
    """Write a new profile, if it is sound, and say so.

    Raises:
        ConfigurationError: it is not, or cannot be written.
    """
    from notifyws.protocol.profile_text import parse

    parse(text, str(path))
    try:
        write_private(path, text)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise ConfigurationError(message, "name another file with --output") from None
    say(f"Wrote {path}")


def _or_ask(given: str | None, what: str, asking: bool, default: str = "") -> str:
    if given is not None:
        return given
    return prompt(what, default, show_default=True) if asking else default


def _name(given: str | None) -> str:
    if not given:
        want_terminal("Name of the profile", "use --name")
    return given or prompt("Name of the profile")


def _new_from_har(
    file: Path, name: str | None, output: Path | None, *, check: bool
) -> None:
    """Write a profile out of what a browser recorded, and try it if that is wanted.

    It is named after the host if nobody says a name.

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
    path = _free_path(name, output)
    drafted = _answered(recording, name)
    _keep(drafted.text, path)
    for remark in drafted.remarks:
        say(f"To mend: {remark}")
    for question in drafted.questions:
        taken = question.default or "nothing"
        say(f"Not told: {question.text}? {taken} is taken")
    shown = name if output is None else str(path)
    if check or (can_ask() and _wanted(drafted)):
        return _try(drafted, shown, path)
    where = ("--url", drafted.url, "--username", "me")
    also = f"{_socket_at(drafted)} " if drafted.socket_url else ""
    say(f"Next: {also}{command('profile', 'check', shown, *where)}")
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
        check = command("profile", "check", shown, "--url", drafted.url)
        raise UsageError(message, f"{_socket_at(drafted)} {check}")
    common = Common(profile=str(path), url=drafted.url)
    settings = common.load().settings
    if can_ask() and not settings.token:
        username = settings.username or ask("Username", drafted.url)
        password = settings.password or ask("Password", drafted.url)
        settings = common.load(username=username, password=password).settings
    stages = walk(Authenticator(settings, warner(False)), 5.0)
    for stage in gone_through(stages, drawn=True):
        if stage.status in ("fail", "warn"):
            say(f"To mend: {_place(stage, path)}")
        if stage.error is not None:
            raise stage.error
    say(f"Next: {command('listen', '--profile', shown, '--url', drafted.url)}")


def _socket_at(drafted: HarDraft) -> str:
    return f"NEXT_PUBLIC_WEBSOCKET_SERVER_URL={quote(drafted.socket_url)}"


def _place(stage: Finding, path: Path) -> str:
    """Return where a profile says what a step did."""
    lines = path.read_text("utf-8").splitlines()
    for table in TABLES.get(stage.name, ()):
        for number, line in enumerate(lines, 1):
            if line.strip("[]") == table:
                return f"{path}:{number}: [{table}] says how; {stage.detail}"
    return f"{path}: {stage.detail}"

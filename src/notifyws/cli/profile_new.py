"""``notifyws profile new``: a first profile, from answers, a frame, or a HAR."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from notifyws.cli.input import can_ask, frames_of, prompt, want_terminal
from notifyws.cli.options import examples, option
from notifyws.config.files import write_private
from notifyws.errors import ConfigurationError, UsageError
from notifyws.ui.streams import say

NEW_EXAMPLES = examples(
    "notifyws profile new",
    "notifyws profile new --name acme --login-path /login --sample frame.json",
    "notifyws profile new --from-har recorded.har --check",
)


def new(
    name: Annotated[str | None, option("--name NAME", "What to call it.")] = None,
    login_path: Annotated[
        str | None, option("--login-path PATH", "Where to log in.")
    ] = None,
    username_key: Annotated[
        str, option("--username-key KEY", "The username's key in the login.")
    ] = "username",
    password_key: Annotated[
        str, option("--password-key KEY", "The password's key in the login.")
    ] = "password",  # noqa: S107 - a key, no password
    token_path: Annotated[
        str | None, option("--token-path PATH", "The token in the answer.")
    ] = None,
    token_in: Annotated[
        str | None, option("--token-in PLACE", "Where the socket takes it.")
    ] = None,
    socket_path: Annotated[
        str | None, option("--socket-path PATH", "The socket's path.")
    ] = None,
    sample: Annotated[
        str | None, option("--sample FILE|-", "A file with a frame; better, several.")
    ] = None,
    output: Annotated[Path | None, option("--output -o FILE", "Where to.")] = None,
    from_har: Annotated[
        Path | None, option("--from-har FILE", "What a browser recorded of its page.")
    ] = None,
    check: Annotated[
        bool, option("--check", "With --from-har: try it on that server at once.")
    ] = False,
) -> None:
    """Write a first profile for your server, from a few answers or a recording."""
    from notifyws.protocol.draft import Answers, draft

    if from_har is not None:
        from notifyws.cli.profile_har import new_from_har

        return new_from_har(from_har, name, output, check=check)
    if check:
        raise UsageError("--check needs a recording", "give --from-har FILE as well")
    name = _name(name)
    path = free_path(name, output)
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
    keep(draft(answers), path)
    shown = name if output is None else str(path)
    say(f"Next: notifyws profile check {shown} --url wss://host --username me")
    return None


def free_path(name: str, output: Path | None) -> Path:
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


def keep(text: str, path: Path) -> None:
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

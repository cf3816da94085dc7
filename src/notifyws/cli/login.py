"""Logs in for real and remembers it; with ``--save`` asks for a server, and tries it.

What is asked for is what no flag says; what is configured is offered as the answer. The
password goes to the system's keyring or nowhere. A login alone proves little: the
socket's path, and most of a profile, come into play only afterwards. So a server is
tried as a whole, by opening the socket once as well, and only then written down.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import typer
from msgspec.structs import replace

from notifyws.auth.authenticator import Authenticator
from notifyws.auth.cached_tokens import AccessToken
from notifyws.cli.input import TRIES, answer, ask, can_ask, say_wrong
from notifyws.cli.options import Common
from notifyws.cli.process import run
from notifyws.config import saved_login
from notifyws.config.config_file import find_entry, save_entry
from notifyws.config.dotenv_guard import guard
from notifyws.config.extras import install_command
from notifyws.config.settings import LOGIN, Settings
from notifyws.config.sources import Loaded, config_file
from notifyws.config.urls import completed_url, shown_url
from notifyws.errors import (
    AuthenticationFailed,
    ConfigurationError,
    NetworkFailed,
    NotifyError,
    UsageError,
    command,
)
from notifyws.ui.streams import emit_json, say, warner

CORRECT = "correct the server's URL, or name another --profile"
LATER = "notifyws status --check"
"""A hint that is of use once the server is saved."""
LASTS = "The login lasts for as long as the server renews it; then: notifyws auth login"
Tried = tuple[dict[str, Any], NotifyError | None]
"""The facts of a login, and why the server cannot be used, if it cannot."""


def by_device(settings: Settings) -> bool:
    """Tell whether a login with these settings needs somebody at a browser."""
    return Authenticator(settings, warner(quiet=True)).by_device


async def log_in(auth: Authenticator, *, and_connect: bool = False) -> Tried:
    """Log in, and open the socket too if asked; let go of everything.

    Raises:
        AuthenticationFailed: the server does not take the password.
        NetworkFailed: there was no login, and it was not asked to connect.
    """
    try:
        if auth.by_device:
            from notifyws.auth.device_login import log_in_by_device
            from notifyws.ui.qr_code import show_code

            token, pair = await log_in_by_device(auth, show_code)
        else:
            token, pair = await auth.token_manager.login()
        facts = {
            "userId": auth.settings.user_id or token.user_id,
            **where(auth),
            "accessExpiresIn": int(pair.access.lifetime),
            "refreshExpiresIn": int(pair.refresh.lifetime) if pair.refresh else None,
            "cache": auth.cache.backend,
        }
        return facts, await _no_socket(auth, token) if and_connect else None
    except NetworkFailed as error:
        if not and_connect:
            raise
        return {}, NetworkFailed(f"cannot log in: {error.message}", _hint(error))
    finally:
        await auth.aclose()


async def _no_socket(auth: Authenticator, token: AccessToken) -> NotifyError | None:
    """Open the socket as a listener does; return why that cannot be done."""
    from notifyws.diagnostics.connection_probe import try_socket

    try:
        await try_socket(auth, token)
    except (NetworkFailed, AuthenticationFailed) as error:
        refused = isinstance(error, AuthenticationFailed)
        kind = AuthenticationFailed if refused else NetworkFailed
        message = f"the login works, but the socket does not open: {error.message}"
        return kind(message, _hint(error))
    return None


def _hint(error: NotifyError) -> str:
    later = isinstance(error, AuthenticationFailed) or LATER in error.hint
    return CORRECT if later else error.hint


def where(auth: Authenticator) -> dict[str, Any]:
    """Return who and where, as ``--json`` says it."""
    return {
        "username": auth.settings.username or None,
        "server": shown_url(auth.settings.url or auth.url),
        "profile": auth.account.profile,
    }


def tell(
    auth: Authenticator, facts: dict[str, Any], *, json: bool, quiet: bool
) -> None:
    """Say that the login works: on stdout as JSON, else on stderr."""
    if json:
        emit_json(facts)
    elif not quiet:
        left = facts["accessExpiresIn"]
        life = f"{left // 60} min" if left >= 60 else f"{left} s"
        user = f"user {facts['userId'] or 'unknown'}"
        who = f"{name} ({user})" if (name := facts["username"]) else user
        say(f"Logged in to {auth.origin} as {who}; the token lives {life}")


def remember(auth: Authenticator) -> None:
    """Let later commands use this login where nothing else is said."""
    s = auth.settings
    try:
        saved_login.remember({**s.login, "url": s.url or s.socket_url})
    except OSError as error:
        say(f"cannot remember this login: {error.strerror}", "warning")


def log_in_and_save(
    common: Common,
    loaded: Loaded,
    username: str | None,
    name: str | None,
    *,
    json: bool,
) -> None:
    """Ask for what is not said, try it, and write the server entry.

    What is configured is offered as the answers; the entry's name is the host's when
    none is said.

    Raises:
        ConfigurationError: something is missing and there is nobody to ask.
        NotifyError: the login or the socket does not work; nothing is written.
    """
    guard(_typed(loaded))
    path = config_file(common.env_file)
    name = name if name is not None else common.server
    settings, entry, facts = _working(loaded.settings, common, username, name, path)
    auth = Authenticator(settings, warner(common.quiet))
    default = save_entry(path, entry, settings.login)
    remember(auth)
    who, password = settings.username, settings.password
    wanted = settings.keyring and bool(password)
    kept = wanted and run(saved_login.keep_password(auth.origin, who, password))
    tell(auth, facts, json=json, quiet=common.quiet)
    if not common.quiet:
        say(f"Saved as server {entry} in {path}")
        say(LASTS) if auth.by_device else _say_kept(kept=kept)
        where = () if default else ("--server", entry)
        say(f"Next: {command('listen', *where)}")


def _typed(loaded: Loaded) -> Mapping[str, str]:
    """Return where values come from once somebody has said yes to the server."""
    if not can_ask():
        return loaded.sources
    said = dict.fromkeys(("url", "profile"), "named in the prompt")
    typed = {} if loaded.settings.password else {"password": "typed at the prompt"}
    return {**loaded.sources, **said, **typed}


def _working(
    known: Settings, common: Common, username: str | None, name: str | None, path: Path
) -> tuple[Settings, str, dict[str, Any]]:
    """Return settings that work, the entry's name, and the facts of the login.

    On a terminal, where and how are asked again when they turn out wrong; what was
    answered before is offered.
    """
    for left in reversed(range(TRIES)):
        settings = _place(known, common, username)
        entry = _entry_name(settings, name)
        _want_room(path, entry, settings.login)
        known, (facts, problem) = _tried(_same_or_no_password(settings, known))
        if problem is None:
            return known, entry, facts
        if not (left and can_ask()):
            raise problem
        say_wrong(problem)
        common = replace(common, url=None, profile=None)
        username = known.username
    raise AssertionError


def _tried(settings: Settings) -> tuple[Settings, Tried]:
    """Return settings with the password that was typed, and what came of trying them.

    One that was typed wrong is asked for again.
    """
    host = urlsplit(settings.url).netloc
    typed = not settings.password and not by_device(settings)
    for left in reversed(range(TRIES)):
        if typed:
            password = ask("Password", f"{settings.username} at {host}")
            settings = replace(settings, password=password)
        try:
            auth = Authenticator(settings, warner(quiet=True))
            return settings, run(log_in(auth, and_connect=True))
        except AuthenticationFailed as error:
            if not (typed and left):
                raise
            say(error.message)
    raise AssertionError


def _place(settings: Settings, common: Common, username: str | None) -> Settings:
    """Return the settings with server, profile and username, as said or answered."""
    before = settings.url or settings.connect_url

    def url_of(text: str) -> str:
        url = completed_url(text)
        if url != text.strip() and not common.quiet:
            say(f"Taken as {shown_url(url)}")
        return url

    url = answer("Server", common.url, before, url_of, "--url URL")
    named, known = common.profile, settings.profile
    profile = answer("Profile", named, known, _profile, "--profile NAME")
    if url != before:
        settings = replace(settings, socket_url="", token_in="")
    settings, who = replace(settings, url=url, profile=profile), settings.username
    if by_device(settings):  # a name only keeps one login of several apart
        return replace(settings, username=who if username is None else username)
    who = answer("Username", username, who, _name, "--username NAME")
    return replace(settings, username=who)


def _profile(text: str) -> str:
    """Return the name of a profile that can log in."""
    from notifyws.protocol.loader import is_file, read_profile

    name = text.strip()
    http = read_profile(name).http
    if http.login is None and http.device is None:
        message = f"profile {name} knows no login"
        raise ConfigurationError(message, "set NOTIFYWS_TOKEN, and NOTIFYWS_PROFILE")
    return str(Path(name).resolve()) if is_file(name) else name


def _name(text: str) -> str:
    if not text.strip():
        raise ConfigurationError("a username is needed", "give --username NAME")
    return text.strip()


def _entry_name(settings: Settings, said: str | None) -> str:
    name = urlsplit(settings.url).netloc.lower() if said is None else said
    if not name.strip():
        raise UsageError("--name needs a name", "as in --name work")
    return name.strip()


def _want_room(path: Path, entry: str, values: dict[str, str]) -> None:
    """Raise unless the entry is new, or the same, or may be replaced."""
    there = find_entry(path, entry)
    if there is None or {k: v for k, v in there.items() if k in LOGIN} == values:
        return
    question = f"There is a server {entry} already. Replace it?"
    if not (can_ask() and typer.confirm(question, err=True)):
        message = f"there is a server {entry!r} in {path} already; it stays as it is"
        raise ConfigurationError(message, "give the new one another --name NAME")


def _same_or_no_password(settings: Settings, before: Settings) -> Settings:
    """Return the settings without a password that was meant for somebody else."""
    same = (settings.url, settings.username) == (before.url, before.username)
    given = same or not can_ask()
    return settings if given else replace(settings, password="")


def _say_kept(*, kept: bool) -> None:
    if kept:
        say("The password is kept in the system's keyring")
        return
    say(
        "The password is not kept: it stays in WEBSOCKET_PASSWORD, or notifyws "
        "auth login asks for it when the login ends (after 7 days, at most servers)"
    )
    if saved_login.can_keep_passwords():
        say("No keyring of this system keeps it")
    else:
        say(f"To keep it in the system's keyring: {install_command('keyring')}")

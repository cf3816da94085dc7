"""``auth login --save``: asks for a server, tries it, and only then writes it down.

What is asked for is what no flag says; what is configured is offered as the answer.
The password goes to the system's keyring or nowhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import Any
from urllib.parse import urlsplit

import typer
from msgspec import structs

from notifyws.auth.authenticator import Authenticator
from notifyws.cli.login import TRIES, can_ask, remember_login, say_logged_in, try_server
from notifyws.cli.options import Common
from notifyws.cli.process import run
from notifyws.config.config_file import find_entry, save_entry
from notifyws.config.dotenv_guard import guard
from notifyws.config.saved_login import can_keep_passwords, keep_password
from notifyws.config.settings import LOGIN, Settings
from notifyws.config.sources import Loaded, config_file
from notifyws.config.urls import completed_url, shown_url
from notifyws.errors import ConfigurationError, NotifyError, UsageError
from notifyws.ui.streams import emit_json, prompt, say, warner

Check = Callable[[str], str]


def log_in_and_save(
    common: Common,
    loaded: Loaded,
    username: str | None,
    name: str | None,
    *,
    json: bool,
) -> None:
    """Ask for what is missing, try it, and write the server entry.

    Args:
        common: the options that every command has.
        loaded: what is configured: the answers that are offered.
        username: as a flag said it.
        name: the entry's; the host's when not given.
        json: print the facts of the login.

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
    remember_login(auth)
    kept = settings.keyring and run(
        keep_password(auth.origin, settings.username, settings.password)
    )
    if json:
        emit_json(facts)
    if not common.quiet:
        say_logged_in(auth, facts)
        _say_saved(path, entry, default=default, kept=kept)


def _working(
    known: Settings, common: Common, username: str | None, name: str | None, path: Path
) -> tuple[Settings, str, dict[str, Any]]:
    """Return settings that work, the entry's name, and the facts of the login.

    On a terminal, where and how are asked again when they turn out wrong; what was
    answered before is offered.
    """
    told = (lambda text: None) if common.quiet else say
    for left in reversed(range(TRIES)):
        settings = _place(known, common, username, told)
        entry = _entry_name(settings, name)
        _want_room(path, entry, settings.login)
        known, facts, problem = try_server(_same_or_no_password(settings, known))
        if problem is None:
            return known, entry, facts
        if not (left and can_ask()):
            raise problem
        say(_sentence(problem))
        common = structs.replace(common, url=None, profile=None)
        username = known.username
    raise AssertionError


def _typed(loaded: Loaded) -> dict[str, str]:
    """Return where values come from once somebody has said yes to the server."""
    sources = dict(loaded.sources)
    if can_ask():
        sources |= dict.fromkeys(("url", "profile"), "named in the prompt")
        if not loaded.settings.password:
            sources["password"] = "typed at the prompt"
    return sources


def _place(
    settings: Settings, common: Common, username: str | None, told: Callable[[str], Any]
) -> Settings:
    """Return the settings with server, profile and username, as said or answered."""
    before = settings.connect_url if not settings.url else settings.url

    def url_of(text: str) -> str:
        url = completed_url(text)
        if url != text.strip():
            told(f"Taken as {shown_url(url)}")
        return url

    url = _answer("Server", common.url, before, url_of, "--url URL")
    named, known = common.profile, settings.profile
    profile = _answer("Profile", named, known, _profile, "--profile NAME")
    who = _answer("Username", username, settings.username, _name, "--username NAME")
    if url != before:
        settings = replace(settings, socket_url="", token_in="")
    return replace(settings, url=url, profile=profile, username=who)


def _answer(what: str, said: str | None, known: str, check: Check, option: str) -> str:
    """Return what a flag said, else what is answered, else what is known."""
    if said is not None:
        return check(said)
    if not can_ask():
        if known:
            return check(known)
        message = f"no {what.lower()} is given, and there is no terminal to ask on"
        raise ConfigurationError(message, f"give {option}")
    for left in reversed(range(TRIES)):
        try:
            asked = f"{what} [{shown_url(known)}]" if known else what
            return check(prompt(asked, known or None, show_default=False))
        except ConfigurationError as error:
            if not left:
                raise
            say(_sentence(error))
    raise AssertionError


def _sentence(error: NotifyError) -> str:
    return f"{error.message}: {error.hint}" if error.hint else error.message


def _profile(text: str) -> str:
    """Return the name of a profile that can log in."""
    from notifyws.protocol.loader import is_file, read_profile

    name = text.strip()
    if read_profile(name).http.login is None:
        message = f"profile {name} knows no login"
        raise ConfigurationError(message, "set NOTIFYWS_TOKEN, and NOTIFYWS_PROFILE")
    return str(Path(name).resolve()) if is_file(name) else name


def _name(text: str) -> str:
    if not text.strip():
        raise ConfigurationError("a username is needed", "give --username NAME")
    return text.strip()


def _entry_name(settings: Settings, said: str | None) -> str:
    if said is not None and not said.strip():
        raise UsageError("--name needs a name", "as in --name work")
    return (said or urlsplit(settings.url).netloc.lower()).strip()


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


def _say_saved(path: Path, entry: str, *, default: bool, kept: bool) -> None:
    say(f"Saved as server {entry} in {path}")
    if kept:
        say("The password is kept in the system's keyring")
    else:
        say(
            "The password is not kept: it stays in WEBSOCKET_PASSWORD, or notifyws "
            "auth login asks for it when the login ends (7 days at most servers)"
        )
        if not can_keep_passwords():
            say("To keep it in the system's keyring: pip install 'notifyws[keyring]'")
    say("Next: notifyws listen" + ("" if default else f" --server {quote(entry)}"))

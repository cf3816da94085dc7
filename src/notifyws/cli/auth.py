"""``notifyws auth``: log in, log out, and who am I."""

from __future__ import annotations

import dataclasses
import sys
from typing import Annotated, Any

import typer

from notifyws.cli.options import (
    Common,
    EnvFile,
    Json,
    Profile,
    Quiet,
    Server,
    Url,
    Verbose,
)
from notifyws.cli.running import run
from notifyws.cli.streams import emit, emit_json, say, warner
from notifyws.errors import ConfigurationError, UsageError
from notifyws.load import guard
from notifyws.runtime import Runtime
from notifyws.settings import Settings

EXAMPLES = """
Examples:

  notifyws auth login --url wss://host --username me

  pass show work | notifyws auth login --password-stdin
"""

LOGOUT_EXAMPLES = """
Examples:

  notifyws auth logout

  notifyws auth logout --server work
"""
WHOAMI_EXAMPLES = """
Examples:

  notifyws auth whoami

  notifyws auth whoami --json
"""

Username = Annotated[
    str | None,
    typer.Option("--username", "-u", metavar="NAME", help="Who to log in as."),
]
PasswordStdin = Annotated[
    bool, typer.Option("--password-stdin", help="Read the password from stdin.")
]

app = typer.Typer(help="Log in, log out, and who am I.")


@app.callback(invoke_without_command=True)
def _auth(
    context: typer.Context,
    username: Username = None,
    password_stdin: PasswordStdin = False,
    server: Server = None,
    profile: Profile = None,
    url: Url = None,
    env_file: EnvFile = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    if context.invoked_subcommand is None:
        common = Common(server, profile, url, env_file, verbose, quiet)
        _login(common, username, password_stdin=password_stdin, json=json)


@app.command("login", epilog=EXAMPLES)
def login(
    username: Username = None,
    password_stdin: PasswordStdin = False,
    server: Server = None,
    profile: Profile = None,
    url: Url = None,
    env_file: EnvFile = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Log in, cache the tokens, and remember where and who (not the password)."""
    common = Common(server, profile, url, env_file, verbose, quiet)
    _login(common, username, password_stdin=password_stdin, json=json)


@app.command(
    "logout",
    epilog=LOGOUT_EXAMPLES,
)
def logout(
    server: Server = None,
    profile: Profile = None,
    url: Url = None,
    env_file: EnvFile = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
) -> None:
    """End the session at the server and empty this account's cache."""
    common = Common(server, profile, url, env_file, verbose, quiet)
    runtime = Runtime(common.load().settings, warner(quiet))
    account = runtime.account
    run(_logout(runtime))
    _forget(runtime)
    if not quiet:
        say(f"Logged out of {account.origin}")


@app.command(
    "whoami",
    epilog=WHOAMI_EXAMPLES,
)
def whoami(
    server: Server = None,
    profile: Profile = None,
    url: Url = None,
    env_file: EnvFile = None,
    verbose: Verbose = 0,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Say who the server takes us for."""
    common = Common(server, profile, url, env_file, verbose, quiet)
    settings = common.load().settings
    runtime = Runtime(settings, warner(quiet))
    user_id = run(_user_id(runtime))
    if json:
        return emit_json({"userId": user_id, **_where(runtime)})
    name = settings.username or "(ready-made token)"
    return emit(f"{name} · user {user_id or 'unknown'} · {runtime.origin}\n")


def _where(runtime: Runtime) -> dict[str, Any]:
    return {
        "username": runtime.settings.username or None,
        "server": runtime.settings.url or runtime.url,
        "profile": runtime.account.profile,
    }


async def _user_id(runtime: Runtime) -> str | None:
    try:
        return runtime.settings.user_id or (await runtime.tokens.get()).user_id
    finally:
        await runtime.aclose()


async def _logout(runtime: Runtime) -> None:
    try:
        problem = await runtime.keeper.logout()
        if problem is not None:
            say(f"warning: the server could not be told: {problem.message}")
        runtime.want_emptied()
    finally:
        await runtime.aclose()


def _login(
    common: Common, username: str | None, *, password_stdin: bool, json: bool
) -> None:
    given = _password_from_stdin() if password_stdin else None
    loaded = common.load(username=username, password=given)
    settings = loaded.settings
    if settings.token:
        message = "a ready-made token (NOTIFYWS_TOKEN) needs no login"
        raise UsageError(message, "unset it to log in with a password")
    if not settings.password:
        typed = {"password": "typed at the prompt", "url": "named in the prompt"}
        guard({**loaded.sources, **typed})
    settings = _asked(settings, Runtime(settings, warner(quiet=True)).origin)
    runtime = Runtime(settings, warner(common.quiet))
    facts = run(_log_in(runtime))
    _remember(runtime)
    if json:
        return emit_json(facts)
    if not common.quiet:
        minutes = facts["accessExpiresIn"] // 60
        who = f"{facts['username']} (user {facts['userId'] or 'unknown'})"
        say(f"Logged in to {runtime.origin} as {who}; the token lives {minutes} min")
    return None


def _asked(settings: Settings, origin: str) -> Settings:
    """Return the settings with what had to be asked for, by the host's name."""
    host = origin.partition("://")[2]
    name = settings.username or _ask("Username", host)
    password = settings.password or _ask("Password", f"{name} at {host}")
    return dataclasses.replace(settings, username=name, password=password)


def _password_from_stdin() -> str:
    password = sys.stdin.readline().rstrip("\r\n")
    if not password:
        raise UsageError("no password came on stdin", "echo it into the command")
    return password


def _ask(what: str, whose: str) -> str:
    """Ask on the terminal; never wait for an answer where there is none."""
    if not (sys.stdin and sys.stdin.isatty()):
        option = "--username NAME" if what == "Username" else "--password-stdin"
        message = f"no {what.lower()} is given, and there is no terminal to ask on"
        hint = f"set WEBSOCKET_{what.upper()}, or use {option}"
        raise ConfigurationError(message, hint)
    hidden = what == "Password"
    return str(typer.prompt(f"{what} for {whose}", hide_input=hidden, err=True))


async def _log_in(runtime: Runtime) -> dict[str, Any]:
    try:
        token, pair = await runtime.keeper.login()
        refresh = pair.refresh
        return {
            "userId": runtime.settings.user_id or token.user_id,
            **_where(runtime),
            "accessExpiresIn": int(pair.access.lifetime),
            "refreshExpiresIn": int(refresh.lifetime) if refresh else None,
            "cache": runtime.cache.backend,
        }
    finally:
        await runtime.aclose()


def _forget(runtime: Runtime) -> None:
    """Forget the remembered login, if it is the one that was logged out."""
    from notifyws.logins import forget, recall

    kept, settings = recall(), runtime.settings
    same = kept.get("url") == (settings.url or settings.socket_url)
    if same and kept.get("username", "") == settings.username:
        forget()


def _remember(runtime: Runtime) -> None:
    from notifyws.logins import remember

    settings = runtime.settings
    values = {
        "url": settings.url or settings.socket_url,
        "socket_url": settings.socket_url,
        "username": settings.username,
        "profile": settings.profile,
        "token_in": settings.token_in,
    }
    try:
        remember(values)
    except OSError as error:
        say(f"warning: cannot remember this login: {error.strerror}")

"""``notifyws auth``: log in, log out, and who am I."""

from __future__ import annotations

from contextlib import aclosing

import typer
from msgspec.structs import replace

from notifyws.auth.authenticator import Authenticator
from notifyws.cli.completion import servers
from notifyws.cli.input import ask, password_from_stdin
from notifyws.cli.login import by_device, log_in, log_in_and_save, remember, tell, where
from notifyws.cli.options import (
    JSON,
    Common,
    examples,
    group,
    option,
    usable_token,
    with_common,
)
from notifyws.cli.process import run
from notifyws.config import saved_login
from notifyws.config.dotenv_guard import guard
from notifyws.config.settings import Settings
from notifyws.config.sources import Loaded
from notifyws.errors import AuthenticationFailed, UsageError
from notifyws.ui.streams import emit_json, emit_line, say, warner

EXAMPLES = examples(
    "notifyws auth login --save",
    "pass show work | notifyws auth login --password-stdin",
)
LOGOUT_EXAMPLES = examples("notifyws auth logout", "notifyws auth logout --server work")
WHOAMI_EXAMPLES = examples("notifyws auth whoami", "notifyws auth whoami --json")

app = group(EXAMPLES)


@app.callback(invoke_without_command=True)
@app.command("login", epilog=EXAMPLES)
@with_common
def login(
    context: typer.Context,
    *,
    username: str | None = option("--username -u NAME", "Who to log in as."),
    password_stdin: bool = option(
        "--password-stdin", "Read the password from stdin.", default=False
    ),
    save: bool = option(
        "--save", "Ask for the rest, and keep it all as a server entry.", default=False
    ),
    name: str | None = option(
        "--name NAME",
        "The entry's name; host and port when left out.",
        autocompletion=servers,
    ),
    common: Common,
    json: bool = JSON,
) -> None:
    """Log in, cache the tokens, and remember where and who (not the password)."""
    if context.invoked_subcommand is not None:
        return
    given = password_from_stdin() if password_stdin else None
    loaded = common.load(username=username, password=given)
    if loaded.settings.token:
        message = "a ready-made token (NOTIFYWS_TOKEN) needs no login"
        raise UsageError(message, "unset it to log in with a password")
    if given and by_device(loaded.settings):
        message = f"profile {loaded.settings.profile} takes a code and no password"
        raise UsageError(message, "leave --password-stdin out")
    if save or name is not None:
        log_in_and_save(common, loaded, username, name, json=json)
    else:
        _log_in(common, loaded, json=json)


@app.command("logout", epilog=LOGOUT_EXAMPLES)
@with_common
def logout(*, common: Common) -> None:
    """End the session at the server and empty this account's cache."""
    auth = common.authenticator()
    run(_logout(auth))
    _forget(auth)
    if not common.quiet:
        say(f"Logged out of {auth.origin}")


@app.command("whoami", epilog=WHOAMI_EXAMPLES)
@with_common
def whoami(*, common: Common, json: bool = JSON) -> None:
    """Say who the server takes us for."""
    auth = common.authenticator()
    user_id = run(_user_id(auth))
    if json:
        return emit_json({"userId": user_id, **where(auth)})
    unnamed = "(ready-made token)" if auth.settings.token else "(device login)"
    name = auth.settings.username or unnamed
    return emit_line(f"{name} · user {user_id or 'unknown'} · {auth.origin}")


async def _user_id(auth: Authenticator) -> str | None:
    async with aclosing(auth):
        return auth.settings.user_id or (await usable_token(auth)).user_id


async def _logout(auth: Authenticator) -> None:
    async with aclosing(auth):
        problem = await auth.token_manager.logout()
        if problem is not None:
            say(f"the server could not be told: {problem.message}", "warning")
        auth.cache.want_emptied()


def _log_in(common: Common, loaded: Loaded, *, json: bool) -> None:
    kept = _kept_password(loaded.settings, quiet=common.quiet)
    known = replace(loaded.settings, password=kept)
    auth = Authenticator(known if kept else _completed(loaded), warner(common.quiet))
    try:
        facts, _ = run(log_in(auth))
    except AuthenticationFailed as error:
        if not kept:
            raise
        hint = "it is the keyring's; for another: notifyws auth login --save"
        raise AuthenticationFailed(error.message, hint) from None
    remember(auth)
    tell(auth, facts, json=json, quiet=common.quiet)


def _kept_password(settings: Settings, *, quiet: bool) -> str:
    """Return what the keyring holds, where no other password is said."""
    if not (settings.username and settings.keyring) or settings.password:
        return ""
    return run(Authenticator(settings, warner(quiet)).kept_password())


def _completed(loaded: Loaded) -> Settings:
    """Return the settings with what had to be asked for, by the host's name."""
    settings = loaded.settings
    auth = Authenticator(settings, warner(quiet=True))
    origin = auth.origin
    if auth.by_device:  # whoever approves it says who that is
        return settings
    if not settings.password:
        typed = {"password": "typed at the prompt", "url": "named in the prompt"}
        guard({**loaded.sources, **typed})
    host = origin.partition("://")[2]
    name = settings.username or ask("Username", host)
    password = settings.password or ask("Password", f"{name} at {host}")
    return replace(settings, username=name, password=password)


def _forget(auth: Authenticator) -> None:
    """Forget the kept password, and the remembered login if it is this one."""
    kept, settings = saved_login.recall(), auth.settings
    who = settings.username
    if who and not run(saved_login.forget_password(auth.origin, who)):
        say("the keyring does not answer; a password may still be in it", "warning")
    same = kept.get("url") == (settings.url or settings.socket_url)
    if same and kept.get("username", "") == who:
        saved_login.forget()

"""``notifyws profile``: list, show, check, schema and new."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from notifyws.cli.completion import profiles
from notifyws.cli.input import (
    can_ask,
    frames_of,
    password_from_stdin,
    prompt,
    want_terminal,
)
from notifyws.cli.options import Common, EnvFile, Json, Quiet, examples, option
from notifyws.cli.process import run
from notifyws.config.files import write_private
from notifyws.errors import ConfigurationError, NotifyError, UsageError
from notifyws.models import Message
from notifyws.ui.streams import draw, emit, emit_json, emit_line, say, warner

if TYPE_CHECKING:
    from notifyws.diagnostics.profile_check import Stage
    from notifyws.protocol.profile import Profile

EXAMPLES = examples(
    "notifyws profile list", "notifyws profile show directus > mine.toml"
)
CHECK_EXAMPLES = examples(
    "notifyws profile check mine.toml",
    "notifyws profile check mine.toml --url wss://host --username me --all",
)
NEW_EXAMPLES = examples(
    "notifyws profile new",
    "notifyws profile new --name acme --login-path /login --sample frame.json",
)
SCHEMA_EXAMPLES = examples(
    "notifyws profile schema > profile.schema.json",
    "notifyws profile schema | jq '.properties | keys'",
)

HELLO = Message("notification", {"title": "Hello", "message": "from profile check"})

Name = Annotated[
    str,
    typer.Argument(metavar="NAME|FILE", autocompletion=profiles, help="The profile."),
]

app = typer.Typer(
    help="How servers speak: list, show, check and write profiles.",
    epilog=EXAMPLES,
    suggest_commands=False,  # the hint line does
    add_completion=False,
)


@app.callback(invoke_without_command=True)
def _profile(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        context.get_help()  # which prints it
        raise typer.Exit(UsageError.exit_code)


@app.command("list", epilog=EXAMPLES)
def list_(json: Json = False) -> None:
    """List the profiles there are."""
    from notifyws.protocol.loader import built_in, own

    mine = own()
    rows = [
        _row(name, "yours" if name in mine else "built in")
        for name in sorted({*built_in(), *mine})
    ]
    if json:
        return emit_json(rows)
    from notifyws.ui.rows import listed

    def told(row: dict[str, str]) -> tuple[str, str, str]:
        tried = row["tried"] or "not run against a real server"
        name, said = row["name"], row["description"] or "-"
        return name, said, f"{row['source']}; tried: {tried}"

    return draw(partial(listed, [*map(told, rows)]))


def _row(name: str, source: str) -> dict[str, str]:
    from notifyws.protocol.loader import profile_text
    from notifyws.protocol.profile_text import parse

    try:
        profile = parse(*profile_text(name))
        tried, said = profile.tried, profile.description
    except ConfigurationError as error:
        tried, said = "", str(error)
    return {"name": name, "source": source, "tried": tried, "description": said}


@app.command("show", epilog=EXAMPLES)
def show(name: Name) -> None:
    """Print a profile."""
    from notifyws.protocol.loader import profile_text
    from notifyws.ui.sanitize import safe_frame

    text, _ = profile_text(name)
    emit("\t".join(map(safe_frame, text.split("\t"))))


@app.command("schema", epilog=SCHEMA_EXAMPLES)
def schema() -> None:
    """Print the JSON Schema of a profile, for editors."""
    import json

    from notifyws.protocol.profile import Profile
    from notifyws.protocol.profile_schema import json_schema

    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    emit(json.dumps({**dialect, **json_schema(Profile)}, indent=2) + "\n")


@app.command("check", epilog=CHECK_EXAMPLES)
def check(
    name: Name,
    url: Annotated[str | None, option("--url URL", "Try it on this server.")] = None,
    username: Annotated[str | None, option("--username -u NAME", "As whom.")] = None,
    password_stdin: Annotated[
        bool, option("--password-stdin", "Read the password from stdin.")
    ] = False,
    send: Annotated[bool, option("--send", "Send a message, too.")] = False,
    everything: Annotated[
        bool, option("--all", "Send, fetch what was missed, and log out, too.")
    ] = False,
    timeout: Annotated[
        float, option("--timeout SECONDS", "For a first frame.", min=0.1)
    ] = 5.0,
    env_file: EnvFile = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Check a profile, and with --url each of its steps for real."""
    from notifyws.auth.authenticator import Authenticator
    from notifyws.diagnostics.profile_check import walk

    facts = _facts(_checked(name, quiet=quiet))
    if not json:
        for what, detail in facts.items():
            emit_line(f"{what:<11} {detail}")
    send = send or everything
    if url is None and send:
        raise UsageError("--send and --all need a server", "give --url wss://host")
    if url is None:
        return emit_json({"ok": True, "profile": facts, "steps": []}) if json else None
    password = password_from_stdin() if password_stdin else None
    common = Common(profile=name, url=url, env_file=env_file, quiet=quiet)
    settings = common.load(username=username, password=password).settings
    auth, hello = Authenticator(settings, warner(quiet)), HELLO if send else None
    stages = walk(auth, timeout, send=hello, everything=everything)
    return _try(stages, facts, json=json)


def _checked(name: str, *, quiet: bool) -> Profile:
    """Return the profile; warn of slips."""
    from notifyws.protocol.loader import profile_text
    from notifyws.protocol.oauth import completed
    from notifyws.protocol.profile_text import parse, slips

    profile = completed(parse(*(said := profile_text(name))))
    for slip in slips(profile, *said):
        warner(quiet)(slip)
    return profile


def _facts(profile: Profile) -> dict[str, str]:
    """Return what a profile can do, in words."""
    http, socket = profile.http, profile.socket
    one = http.login
    steps = one if isinstance(one, tuple) else [*filter(None, [one])]
    least, most = sum(step.only_if is None for step in steps), len(steps)
    count = f"{most}" if least == most else f"{least} to {most}"
    login = f"{count} request{'s' * (most != 1)}" if steps else "a ready-made token"
    if http.device is not None:
        login = f"{login} or a device code" if steps else "a device code"
    resume = profile.resume
    ways = {
        "by query": resume and resume.query,
        "by header": resume and resume.header,
        "by template": resume and resume.by_template,
        "by HTTP": resume and resume.catchup,
        "snapshot": resume and resume.snapshot,
        "by the server's numbers": profile.follow,
    }
    how, send = ", ".join(way for way in ways if ways[way]), profile.send
    sending = "no" if send is None else "by HTTP" if send.http else "as a frame"
    return {
        "profile": f"{profile.name}: {profile.description or 'no description'}",
        "needs": ", ".join(profile.needs) or "nothing",
        "login": login + ("" if http.refresh is None else ", and refreshing"),
        "token in": socket.token_in,
        "handshake": f"{len(profile.handshake)} steps",
        "rules": ", ".join(rule.then for rule in profile.rules),
        "renewal": profile.renewal.how,
        "resume": how or "no: interruptions are said as gaps",
        "send": sending,
    }


def _try(stages: AsyncIterator[Stage], facts: dict[str, str], *, json: bool) -> None:
    from notifyws.ui.rows import Fact, traced

    failure: NotifyError | None = None
    steps: list[dict[str, Any]] = []

    async def all_steps() -> None:
        nonlocal failure
        async for stage in stages:
            failure = failure or stage.error
            step = {"status": stage.outcome, "detail": stage.detail}
            steps.append({"name": stage.name, **step, "trace": list(stage.trace)})
            fact = Fact(f"{stage.name:<10}", stage.detail, status=stage.outcome)
            if not json:
                draw(partial(traced, fact, stage.trace))

    run(all_steps())
    if json:
        emit_json({"ok": failure is None, "profile": facts, "steps": steps})
    if failure is not None:
        raise failure


@app.command("new", epilog=NEW_EXAMPLES)
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
) -> None:
    """Write a first profile for your server, from a few answers and a frame."""
    from notifyws.protocol.draft import Answers, draft
    from notifyws.protocol.loader import own_file
    from notifyws.protocol.profile_text import parse

    name = _name(name)
    path = output or own_file(name)
    if path.exists():
        raise UsageError(f"{path} is there already", "give another --name or --output")
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
    text = draft(answers)
    parse(text, str(path))
    try:
        write_private(path, text)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise ConfigurationError(message, "name another file with --output") from None
    say(f"Wrote {path}")
    shown = name if output is None else str(path)
    say(f"Next: notifyws profile check {shown} --url wss://host --username me")


def _or_ask(given: str | None, what: str, asking: bool, default: str = "") -> str:
    if given is not None:
        return given
    return prompt(what, default, show_default=True) if asking else default


def _name(given: str | None) -> str:
    if not given:
        want_terminal("Name of the profile", "use --name")
    return given or prompt("Name of the profile")

"""``notifyws profile``: list, show, check, schema and new."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from notifyws.cli.completion import profiles
from notifyws.cli.input import (
    can_ask,
    password_from_stdin,
    pasted_text,
    prompt,
    text_from_stdin,
    want_terminal,
)
from notifyws.cli.options import Common, EnvFile, Json, Quiet, examples, option
from notifyws.cli.process import run
from notifyws.config.files import read_text_file, user_folder, write_private
from notifyws.errors import ConfigurationError, NotifyError, UsageError
from notifyws.ui.streams import draw, emit, emit_json, emit_line, say, warner

EXAMPLES = examples(
    "notifyws profile list", "notifyws profile show directus > mine.toml"
)
CHECK_EXAMPLES = examples(
    "notifyws profile check mine.toml",
    "notifyws profile check mine.toml --url wss://host --username me",
)
NEW_EXAMPLES = examples(
    "notifyws profile new",
    "notifyws profile new --name acme --login-path /login --sample frame.json",
)
SCHEMA_EXAMPLES = examples(
    "notifyws profile schema > profile.schema.json",
    "notifyws profile schema | jq '.properties | keys'",
)

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

    told = [(row["name"], row["description"] or "-", _tried(row)) for row in rows]
    return draw(partial(listed, told))


def _tried(row: dict[str, str]) -> str:
    return f"{row['source']}; tried: {row['tried'] or 'not run against a real server'}"


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

    described = json_schema(Profile)
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    emit(json.dumps({**dialect, **described}, indent=2) + "\n")


@app.command("check", epilog=CHECK_EXAMPLES)
def check(
    name: Name,
    url: Annotated[str | None, option("--url URL", "Try it on this server.")] = None,
    username: Annotated[str | None, option("--username -u NAME", "As whom.")] = None,
    password_stdin: Annotated[
        bool, option("--password-stdin", "Read the password from stdin.")
    ] = False,
    timeout: Annotated[
        float, option("--timeout SECONDS", "For a first frame.", min=0.1)
    ] = 5.0,
    env_file: EnvFile = None,
    quiet: Quiet = False,
    json: Json = False,
) -> None:
    """Check a profile, and with --url each of its steps for real."""
    from notifyws.protocol.loader import profile_text
    from notifyws.protocol.profile_text import parse, slips

    text, where = profile_text(name)
    profile = parse(text, where)
    facts = _facts(profile)
    for slip in slips(profile, text, where):
        warner(quiet)(slip)
    if not json:
        for what, detail in facts.items():
            emit_line(f"{what:<11} {detail}")
    if url is None:
        return emit_json({"ok": True, "profile": facts, "steps": []}) if json else None
    password = password_from_stdin() if password_stdin else None
    common = Common(profile=name, url=url, env_file=env_file, quiet=quiet)
    settings = common.load(username=username, password=password).settings
    return _try(settings, facts, timeout, json=json, quiet=quiet)


def _facts(profile: Any) -> dict[str, str]:
    """Return what a profile can do, in words."""
    http, socket = profile.http, profile.socket
    steps = (
        http.login if isinstance(http.login, tuple) else [*filter(None, [http.login])]
    )
    least, most = sum(step.only_if is None for step in steps), len(steps)
    count = f"{most}" if least == most else f"{least} to {most}"
    login = f"{count} request{'s' * (most != 1)}" if steps else "a ready-made token"
    resume = profile.resume
    how = [
        words
        for words, on in (
            ("by query", resume and resume.query),
            ("by header", resume and resume.header),
            ("by template", resume and resume.by_template),
            ("by HTTP", resume and resume.catchup),
            ("snapshot", resume and resume.snapshot),
            ("by the server's numbers", profile.follow),
        )
        if on
    ]
    send = profile.send
    sending = "no" if send is None else "by HTTP" if send.http else "as a frame"
    return {
        "profile": f"{profile.name}: {profile.description or 'no description'}",
        "needs": ", ".join(profile.needs) or "nothing",
        "login": login + ("" if http.refresh is None else ", and refreshing"),
        "token in": socket.token_in,
        "handshake": f"{len(profile.handshake)} steps",
        "rules": ", ".join(rule.then for rule in profile.rules),
        "renewal": profile.renewal.how,
        "resume": ", ".join(how) or "no: interruptions are said as gaps",
        "send": sending,
    }


def _try(
    settings: Any, facts: dict[str, str], timeout: float, *, json: bool, quiet: bool
) -> None:
    from notifyws.auth.authenticator import Authenticator
    from notifyws.diagnostics.profile_check import walk
    from notifyws.ui.rows import Fact, traced

    failure: NotifyError | None = None
    steps: list[dict[str, Any]] = []

    async def all_steps() -> None:
        nonlocal failure
        async for stage in walk(Authenticator(settings, warner(quiet)), timeout):
            failure = failure or stage.error
            name, status, detail = stage.name, stage.outcome, stage.detail
            step = {"name": name, "status": status, "detail": detail}
            steps.append({**step, "trace": list(stage.trace)})
            if not json:
                fact = Fact(f"{name:<10}", detail, status=status)
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
    from notifyws.protocol.profile_text import parse

    name = _name(name)
    path = output or _own_file(name)
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
        _sample(sample, asking),
    )
    text = draft(answers)
    parse(text, str(path))
    write_private(path, text)
    say(f"Wrote {path}")
    shown = name if output is None else str(path)
    say(f"Next: notifyws profile check {shown} --url wss://host --username me")


def _own_file(name: str) -> Path:
    if "/" in name:
        raise UsageError(f"{name!r} is no name", "name the file with --output")
    return user_folder("config") / "profiles" / f"{name}.toml"


def _or_ask(given: str | None, what: str, asking: bool, default: str = "") -> str:
    if given is not None:
        return given
    return prompt(what, default, show_default=True) if asking else default


def _name(given: str | None) -> str:
    if not given:
        want_terminal("Name of the profile", "use --name")
    return given or prompt("Name of the profile")


def _sample(sample: str | None, asking: bool) -> str:
    if sample == "-":
        return text_from_stdin("")
    if sample is not None:
        return read_text_file(Path(sample))
    if not asking:
        return ""
    say("Paste a frame or several, then an empty line (nothing: every frame as it is):")
    return pasted_text()

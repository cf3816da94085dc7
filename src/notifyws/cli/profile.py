"""``notifyws profile``: list, show, check, schema and new."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from notifyws.cli.completion import profiles
from notifyws.cli.input import password_from_stdin
from notifyws.cli.options import ENV_FILE, JSON, QUIET, Common, examples, group, option
from notifyws.cli.process import run
from notifyws.cli.profile_new import NEW_EXAMPLES, new
from notifyws.errors import ConfigurationError, UsageError
from notifyws.models import Message
from notifyws.ui.streams import draw, emit, emit_json, emit_line, warner

if TYPE_CHECKING:
    from notifyws.diagnostics.findings import Finding
    from notifyws.protocol.profile import Profile

EXAMPLES = examples(
    "notifyws profile list", "notifyws profile show directus > mine.toml"
)
CHECK_EXAMPLES = examples(
    "notifyws profile check mine.toml",
    "notifyws profile check mine.toml --url wss://host --username me --all",
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

app = group(EXAMPLES)


@app.command("list", epilog=EXAMPLES)
def list_(json: bool = JSON) -> None:
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
    url: str | None = option("--url URL", "Try it on this server."),
    username: str | None = option("--username -u NAME", "As whom."),
    password_stdin: bool = option(
        "--password-stdin", "Read the password from stdin.", default=False
    ),
    send: bool = option("--send", "Send a message, too.", default=False),
    everything: bool = option(
        "--all", "Send, fetch what was missed, and log out, too.", default=False
    ),
    timeout: float = option(
        "--timeout SECONDS", "For a first frame.", min=0.1, default=5.0
    ),
    env_file: Path | None = ENV_FILE,
    quiet: bool = QUIET,
    json: bool = JSON,
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


def _try(stages: AsyncIterator[Finding], facts: dict[str, str], *, json: bool) -> None:
    gone = gone_through(stages, drawn=not json)
    failure = next((each.error for each in gone if each.error is not None), None)
    if json:
        steps = [{**each.as_json(), "trace": list(each.trace)} for each in gone]
        emit_json({"ok": failure is None, "profile": facts, "steps": steps})
    if failure is not None:
        raise failure


def gone_through(stages: AsyncIterator[Finding], *, drawn: bool) -> list[Finding]:
    """Return what came of each step of a walk, drawn as it comes if that is wanted."""
    from notifyws.ui.rows import Fact, traced

    gone: list[Finding] = []

    async def all_steps() -> None:
        async for stage in stages:
            gone.append(stage)
            fact = Fact(f"{stage.name:<10}", stage.detail, status=stage.status)
            if drawn:
                draw(partial(traced, fact, stage.trace))

    run(all_steps())
    return gone


app.command("new", epilog=NEW_EXAMPLES)(new)

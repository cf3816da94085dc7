"""Options that commands share, each declared once, and what is made of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial, wraps
from inspect import Parameter, signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

import typer
from msgspec import Struct

from notifyws.cli.completion import profiles, servers
from notifyws.config.validation import nearest
from notifyws.errors import UsageError
from notifyws.ui.streams import emit, warner

if TYPE_CHECKING:
    from notifyws.auth.authenticator import Authenticator
    from notifyws.auth.cached_tokens import AccessToken
    from notifyws.config.sources import Loaded
    from notifyws.ui.formatting import Shape


def option(
    usage: str,
    meaning: str,
    *,
    default: Any = None,
    panel: str | None = None,
    **more: Any,
) -> Any:
    """Return an option, as a parameter's default, from how its help shows it.

    Args:
        usage: its names, and what it takes, as in ``--count -n N``.
        default: what it is when it is left out.
    """
    words = usage.split()
    names = [word for word in words if word.startswith("-")]
    taken = " ".join(words[len(names) :])
    return typer.Option(
        default, *names, metavar=taken, help=meaning, rich_help_panel=panel, **more
    )


where = partial(option, panel="Where to")
talk = partial(option, panel="Talking")
shown = partial(option, panel="What is shown")

ENV_FILE = where("--env-file FILE", "Read this instead of .env.")
VERBOSE = talk(
    "--verbose -v",
    "Say more; repeat for still more.",
    default=0,
    count=True,
    show_default=False,
)
QUIET = talk("--quiet -q", "Say nothing but errors.", default=False)
JSON = talk("--json", "Print JSON.", default=False)
FORMAT = shown("--format TEXT", "A line of this form, as in '{title}: {data.tripId}'.")
QUERY = shown("--query EXPR", "Only what this JMESPath expression finds.")
COMMON = {
    "server": where(
        "--server NAME", "Server entry of config.toml to use.", autocompletion=servers
    ),
    "profile": where(
        "--profile NAME|FILE", "How the server speaks.", autocompletion=profiles
    ),
    "url": where("--url URL", "The server, as in wss://host:port/path."),
    "env_file": ENV_FILE,
    "verbose": VERBOSE,
    "quiet": QUIET,
}
"""The options of :class:`Common`, by its fields."""


class Common(Struct, frozen=True):
    """What every command that speaks to a server is told; each is an option."""

    server: str | None = None
    profile: str | None = None
    url: str | None = None
    env_file: Path | None = None
    verbose: int = 0
    quiet: bool = False

    def load(self, **flags: Any) -> Loaded:
        """Return the settings that these and further flags lead to.

        Raises:
            ConfigurationError: a file or a value is wrong.
        """
        said = {"server": self.server, "profile": self.profile, "url": self.url}
        from notifyws.config.sources import load

        return load({**said, **flags}, env_file=self.env_file)

    def authenticator(self) -> Authenticator:
        """Return who knows the tokens for the settings that these lead to.

        Raises:
            ConfigurationError: a file or a value is wrong.
        """
        from notifyws.auth.authenticator import Authenticator

        return Authenticator(self.load().settings, warner(self.quiet))


async def usable_token(auth: Authenticator) -> AccessToken:
    """Return an access token; a ready-made one only if it is good, as far as is known.

    Raises:
        AuthenticationFailed: there is none, or it is no good.
        NetworkFailed: there is none, and nobody to give one.
    """
    if not auth.settings.token:
        return await auth.tokens.get()
    from notifyws.connection.build import good_token  # 23 ms

    return await good_token(auth)


def examples(*lines: str) -> str:
    """Return what stands at the end of a command's help."""
    return "\n\n".join(["\nExamples:", *(f"  {line}" for line in lines)])


def group(epilog: str) -> typer.Typer:
    """Return a command that holds others; alone it prints its help, and that is 2."""
    made = typer.Typer(
        epilog=epilog,
        suggest_commands=False,  # the hint line does
        add_completion=False,
    )

    @made.callback(invoke_without_command=True)
    def alone(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            context.get_help()  # which prints it
            raise typer.Exit(UsageError.exit_code)

    return made


def with_common(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options of ``Common`` where its parameter ``common`` stands.

    One that the command declares itself stays its own. typer reads options from a
    signature, so this makes one.
    """
    own, hints = signature(command, eval_str=True), get_type_hints(Common)
    options = [
        Parameter(name, Parameter.KEYWORD_ONLY, default=given, annotation=hints[name])
        for name, given in COMMON.items()
        if name not in own.parameters
    ]

    @wraps(command)
    def typed(**values: Any) -> None:
        common = Common(**{each.name: values.pop(each.name) for each in options})
        command(common=common, **values)

    parameters: list[Parameter] = []
    for each in own.parameters.values():
        parameters += options if each.name == "common" else [each]
    vars(typed)["__signature__"] = own.replace(parameters=parameters)
    return typed


def want_positive(option: str, seconds: float | None, usual: int) -> None:
    """Refuse a time that is not more than 0.

    Raises:
        UsageError: says so, with what is usual.
    """
    if seconds is not None and not seconds > 0:
        message = f"{option} must be more than 0, not {seconds:g}"
        raise UsageError(message, f"give it seconds, as in {option} {usual}")


def want_at_least(least: int, option: str, value: int | None, hint: str) -> None:
    """Refuse a number that is too small.

    Raises:
        UsageError: says so, with what helps.
    """
    if value is not None and value < least:
        raise UsageError(f"{option} must be {least} or more, not {value}", hint)


def exclude(*options: tuple[str, object]) -> None:
    """Refuse options that were given together: names, each with what was given.

    Raises:
        UsageError: names them.
    """
    given = [name for name, value in options if value not in (None, False)]
    if len(given) > 1:
        both = " and ".join(given)
        raise UsageError(f"{both} exclude each other", "give one of them")


def belong_to(other: str, *options: tuple[str, object]) -> None:
    """Refuse options that mean nothing without another one, which was not given.

    Raises:
        UsageError: names the first that was given.
    """
    for option, value in options:
        if value is not None and value is not False and value != ():
            message = f"{option} goes with {other.partition(' ')[0]}"
            raise UsageError(message, f"add {other}")


def shape_of(
    format_: str | None,
    query: str | None,
    *,
    json: bool,
    warn: Callable[[str], None] | None = None,
    known: Sequence[str] | None = None,
) -> Shape | None:
    """Return the shape that was asked for, if one was.

    Args:
        json: print what the query finds as JSON, also where it is text.
        warn: is told that a query does not fit; without it that is an error.
        known: the fields that there are; ``None`` where everything may come.

    Raises:
        UsageError: it cannot be read, names no field, or excludes another.
    """
    exclude(("--format", format_), ("--query", query))
    exclude(("--format", format_), ("--json", json))
    if format_ is None and query is None:
        return None
    from notifyws.ui import formatting as shaping

    if query is not None:
        return shaping.Query(query, as_json=json, warn=warn)
    shape = shaping.Format(_sayable(format_ or ""))
    if known is not None:
        _only_known(shape.names, known)
    return shape


def _only_known(names: Sequence[str], known: Sequence[str]) -> None:
    unknown = next((name for name in names if name not in known), None)
    if unknown is not None:
        near = nearest(unknown, known)
        fields = ", ".join(f"{{{name}}}" for name in known)
        hint = f"did you mean {{{near}}}?" if near else f"there are {fields}"
        raise UsageError(f"--format: there is no field {{{unknown}}}", hint)


def emit_shaped(shape: Shape, value: Mapping[str, Any]) -> None:
    """Print an object in a shape; what stands in its fields is text only."""
    from notifyws.ui.sanitize import text_only

    emit(shape.text(value, text_only) + shape.end)


def _sayable(template: str) -> str:
    try:
        template.encode()
    except UnicodeEncodeError:
        raise UsageError("--format is not UTF-8 text", "check it") from None
    return template

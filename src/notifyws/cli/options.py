"""Options that commands share, each declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from msgspec import Struct

from notifyws.cli.completion import profiles, servers
from notifyws.config.sources import Loaded, load

__all__ = [
    "Common",
    "EnvFile",
    "Json",
    "Profile",
    "Quiet",
    "Server",
    "Url",
    "Verbose",
]

WHERE = "Where to"
TALK = "Talking"

Server = Annotated[
    str | None,
    typer.Option(
        "--server",
        metavar="NAME",
        autocompletion=servers,
        help="Server entry of config.toml to use.",
        rich_help_panel=WHERE,
    ),
]
Profile = Annotated[
    str | None,
    typer.Option(
        "--profile",
        metavar="NAME|FILE",
        autocompletion=profiles,
        help="How the server speaks.",
        rich_help_panel=WHERE,
    ),
]
Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help="The server, as in wss://host:port/path.",
        rich_help_panel=WHERE,
    ),
]
EnvFile = Annotated[
    Path | None,
    typer.Option(
        "--env-file",
        metavar="FILE",
        help="Read this instead of .env.",
        rich_help_panel=WHERE,
    ),
]
Verbose = Annotated[
    int,
    typer.Option(
        "--verbose",
        "-v",
        count=True,
        show_default=False,
        metavar="",
        help="Say more; repeat for still more.",
        rich_help_panel=TALK,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Say nothing but errors.", rich_help_panel=TALK),
]
Json = Annotated[
    bool,
    typer.Option("--json", help="Print JSON.", rich_help_panel=TALK),
]


class Common(Struct, frozen=True):
    """What every command that speaks to a server is told.

    Args:
        server: entry of ``config.toml``.
        profile: how the server speaks.
        url: replaces both URLs of the configuration.
        env_file: read instead of ``.env``.
        verbose: how often ``-v`` was said.
        quiet: say nothing but errors.
    """

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
        return load({**said, **flags}, env_file=self.env_file)

"""A bare Typer application with as many commands and options as ours; it does nothing.

Made from ours, so that both have the same help to print: names, options and words are
copied into functions that import nothing.
"""

from __future__ import annotations

import sys
from pathlib import Path

MADE = Path(__file__).resolve().parent / ".peers" / "floor_made.py"


def make() -> None:
    """Write the application out as plain source."""
    from notifyws.cli.app import root_command

    root = root_command()
    lines = [
        "import typer",
        "from typing import Annotated, Optional",
        "app = typer.Typer(name='notifyws', pretty_exceptions_enable=False,",
        f"    help={root.help!r})",
    ]
    lines += group("app", root)
    lines += ["if __name__ == '__main__':", "    app(prog_name='notifyws')"]
    MADE.write_text("\n".join(lines) + "\n")


def group(name: str, root: object) -> list[str]:
    """Return the source of a group of commands."""
    lines: list[str] = []
    for number, called in enumerate(root.list_commands(None)):
        command = root.get_command(None, called)
        if hasattr(command, "commands"):
            child = f"{name}_{number}"
            lines.append(f"{child} = typer.Typer(help={command.help!r})")
            lines += group(child, command)
            lines.append(f"{name}.add_typer({child}, name={called!r})")
            continue
        lines.append(f"@{name}.command({called!r}, epilog={command.epilog!r})")
        lines.append(f"def {name}_command_{number}(")
        lines += [line for param in command.params if (line := option(param))]
        lines += ["):", f"    {command.help!r}"]
    return lines


def option(param: object) -> str:
    """Return the source of an option; nothing for ``--help`` and arguments."""
    names = [*getattr(param, "opts", ())]
    if not names or names[0] == "--help" or not names[0].startswith("-"):
        return ""
    flag = getattr(param, "is_flag", False)
    kind, default = ("bool", "False") if flag else ("Optional[str]", "None")
    panel = getattr(param, "rich_help_panel", None)
    declared = ", ".join(map(repr, names))
    what = f"help={param.help!r}, rich_help_panel={panel!r}"
    metavar = "" if flag else f", metavar={param.metavar!r}"
    annotation = f"Annotated[{kind}, typer.Option({declared}, {what}{metavar})]"
    return f"    {param.name}: {annotation} = {default},"


if __name__ == "__main__":
    if "--make" in sys.argv:
        make()

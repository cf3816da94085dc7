"""Writes what is generated from the code, or says what is out of date (``--check``).

Completions, ``.env.example``, pictures, the state diagram, references, tables.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
INTRODUCTION = """\
# Copy this to .env, remove the # of what you set, and keep it to yourself (chmod 600).
# What it says of the server is used only with credentials from the same file, and a
# path in it only with --env-file .env.
"""


def completions() -> Iterator[tuple[str, str]]:
    """Yield the completion script of each shell, as the command itself shows it."""
    from notifyws.cli.completion import PLACES, script

    for shell in PLACES:
        yield f"completions/notifyws.{shell}", script(shell)


def env_example() -> str:
    """Return every variable with what it means and its default."""
    from notifyws.config.settings import FIELDS, environment_name

    parts = [INTRODUCTION]
    for name, field in FIELDS.items():
        parts.append(f"# {field.help}")
        parts.append(f"#{environment_name(name)}={written(field.default)}\n")
    parts.append("# The configuration file, where it is not in your config folder.")
    parts.append("# (Read from the environment and from --env-file, not from .env.)")
    parts.append("#NOTIFYWS_CONFIG=\n")
    return "\n".join(parts).rstrip() + "\n"


def written(value: object) -> str:
    """Return a default as it is written in a file."""
    if value is None:
        return "unlimited"
    if isinstance(value, tuple):
        return " ".join(f"{each:g}" for each in value)
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def pictures() -> Iterator[tuple[str, str]]:
    """Yield the documentation's pictures, drawn by what draws the live view."""
    import runpy

    yield from runpy.run_path(str(ROOT / "scripts/pictures.py"))["pictures"]()


def faults() -> str:
    """Return the page of the faults that were tried, from the tests themselves."""
    import runpy

    return str(runpy.run_path(str(ROOT / "scripts/faults.py"))["page"]())


def option_tables() -> str:
    """Return every command with its options, from the application itself."""
    from notifyws.cli.app import root_command

    lines: list[str] = []
    for name, command in commands("notifyws", root_command()):
        lines += [f"### `{name}`", "", str(command.help or "").strip(), ""]
        rows = [row(param) for param in command.params if row(param)]
        lines += ["| option | meaning |", "|---|---|", *rows, ""] if rows else []
    return "\n".join(lines).rstrip()


def command_reference() -> str:
    """Return every command and setting, from the application itself."""
    return "\n".join(
        [
            "# Every command and setting",
            "",
            "Made from the application by `make generate`; `notifyws COMMAND --help`",
            "prints the same with examples.",
            "",
            "## Commands",
            "",
            option_tables(),
            "",
            "## Settings",
            "",
            "Each is a variable in the environment or in `.env`, and a key of",
            "`[servers.NAME]` and `[settings]` in `config.toml`.",
            "",
            "| variable | key | meaning | default |",
            "|---|---|---|---|",
            *settings_rows(),
            "",
        ]
    )


def settings_rows() -> Iterator[str]:
    """Yield a table's row for each setting."""
    from notifyws.config.settings import FIELDS, environment_name

    for name, field in FIELDS.items():
        default = written(field.default)
        help_text = field.help.replace("|", "\\|")
        shown = f"`{default}`" if default else ""
        yield f"| `{environment_name(name)}` | `{name}` | {help_text} | {shown} |"


def commands(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    """Yield the commands below ``command`` with their full names."""
    if not hasattr(command, "commands"):
        yield name, command
        return
    for child_name in command.list_commands(None):
        child = command.get_command(None, child_name)
        if not child.hidden:
            yield from commands(f"{name} {child_name}", child)


def row(param: object) -> str:
    """Return a table's row for an option; empty for those that need none."""
    help_text = getattr(param, "help", None) or ""
    names = [*getattr(param, "opts", ())]
    if getattr(param, "param_type_name", "") == "argument":
        names = [str(getattr(param, "metavar", "") or param.name)]
    metavar = getattr(param, "metavar", None)
    takes = metavar if metavar and names[0].startswith("-") else ""
    if not names or names[0] == "--help":
        return ""
    said = ", ".join(f"`{n}`" for n in names) + (f" `{takes}`" if takes else "")
    cells = [cell.replace("|", "\\|") for cell in (said, help_text)]
    return f"| {cells[0]} | {cells[1]} |"


def diagram() -> str:
    """Return the table of the reconnect machine as a Mermaid state diagram."""
    from notifyws.connection.reconnect import TABLE

    lines = ["stateDiagram-v2", "    [*] --> disconnected"]
    for state, row in TABLE.items():
        for event, (target, _) in row.items():
            name = event.__name__.lower()
            lines.append(f"    {state.value} --> {target.value}: {name}")
    return "\n".join([*lines, "    stopped --> [*]"])


def between(text: str, name: str, content: str) -> str:
    """Return ``text`` with what stands between two markers replaced."""
    start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    head, _, rest = text.partition(start)
    _, _, tail = rest.partition(end)
    return f"{head}{start}\n{content}\n{end}{tail}"


def reference() -> str:
    """Return every table and key of a profile, from the model's own words."""
    from notifyws.protocol.profile import Profile
    from notifyws.protocol.profile_schema import json_schema

    schema = json_schema(Profile)
    tables = {"Profile": schema, **schema["$defs"]}
    parts = [
        "# Everything a profile can say",
        "",
        "Made from the model by `make generate`; `notifyws profile schema` prints the",
        "same for editors. See [profiles.md](profiles.md) for how to use it.",
    ]
    for name, table in tables.items():
        parts += ["", f"## {name}", "", plain(table.get("description", "")), ""]
        for key, described in table["properties"].items():
            needed = key in table.get("required", ())
            default = json.dumps(described.get("default"))
            said = "required" if needed else f"default `{default}`"
            parts.append(
                f"- `{key}` ({kind(described)}; {said}): "
                f"{plain(described.get('description', ''))}"
            )
    return "\n".join(parts) + "\n"


def plain(text: str) -> str:
    """Return a docstring as one line of Markdown."""
    return " ".join(text.replace("``", "`").split())


def kind(described: dict[str, Any]) -> str:
    """Return a type in words."""
    if "$ref" in described:
        return str(described["$ref"]).rpartition("/")[2]
    if "enum" in described:
        return " or ".join(json.dumps(each) for each in described["enum"])
    if "const" in described:
        return json.dumps(described["const"])
    if "anyOf" in described:
        kinds = [kind(each) for each in described["anyOf"]]
        return " or ".join(each for each in dict.fromkeys(kinds) if each != "null")
    if described.get("type") == "array":
        return f"list of {kind(described.get('items', {}))}"
    return str(described.get("type", "any"))


def metrics_table() -> str:
    """Return a table of everything that ``--metrics`` tells."""
    from notifyws.fleet.metrics import METRICS

    lines = ["| metric | kind | labels | meaning |", "|---|---|---|---|"]
    for metric in METRICS:
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        cells = f"`{metric.name}`", metric.kind, labels, metric.meaning
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def generated() -> Iterator[tuple[str, str]]:
    """Yield every generated file and what belongs into it."""
    yield from completions()
    yield ".env.example", env_example()
    yield from pictures()
    yield "docs/reference.md", command_reference()
    yield "docs/profile-reference.md", reference()
    yield "docs/faults.md", faults()
    metrics = (ROOT / "docs/metrics.md").read_text("utf-8")
    yield "docs/metrics.md", between(metrics, "metrics", metrics_table())
    inside = (ROOT / "docs/inside.md").read_text("utf-8")
    states = f"```mermaid\n{diagram()}\n```"
    yield "docs/inside.md", between(inside, "states", states)


def main() -> int:
    """Write, or check; return the exit code."""
    os.environ.pop("COLUMNS", None)
    stale = []
    for name, content in generated():
        path = ROOT / name
        if path.exists() and path.read_text("utf-8") == content:
            continue
        stale.append(name)
        if "--check" not in sys.argv:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, "utf-8")
    if stale and "--check" in sys.argv:
        sys.stderr.write(f"out of date: {', '.join(stale)}; run: make generate\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())

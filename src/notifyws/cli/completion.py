"""What a TAB offers as values (profiles, server entries, types), and how shells ask.

A TAB must be cheap and silent: files are read as plain TOML (no pydantic), nobody is
asked over a network, and what is wrong ends the list without a word. Where nothing is
offered, the shell completes file names, which is what the other options want.

A TAB must be harmless, too: nobody has said yes to the folder it is pressed in. What a
folder's ``.env`` names is not read, and only words go to a shell that none of them
could take for anything but a word.

The scripts stand in place of typer's. Those know nothing of ``--option=value``; the one
for zsh completes nothing at the first TAB when it lies in a folder of ``fpath``, and
the one for fish starts the command twice for each TAB. None of ours evaluates an
answer: it is text, line by line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

import typer

from notifyws.errors import ConfigurationError, NotifyError, UsageError
from notifyws.ui.streams import emit, say

Offer = Callable[[typer.Context, str], list[str]]

SAFE = r"[\w.:@/+][\w.:@/+-]*"
"""A word without a meaning of its own in any shell, and that is no option."""


def _offering(known: Callable[[typer.Context], Iterable[str]]) -> Offer:
    """Make a completion of what is known: those that begin as typed, in order.

    What was found before something turned out wrong is offered all the same.
    """

    @wraps(known)
    def offer(ctx: typer.Context, incomplete: str) -> list[str]:
        found: set[str] = set()
        with suppress(NotifyError, OSError, ValueError):
            for word in known(ctx):
                found.add(word)
        fit = (word for word in found if word.startswith(incomplete))
        return sorted(word for word in fit if re.fullmatch(SAFE, word))

    del offer.__wrapped__  # typer would read that one's parameters
    return offer


@_offering
def commands(ctx: typer.Context) -> Iterable[str]:
    """Yield the commands, for ``notifyws help``."""
    from notifyws.cli.app import COMMANDS

    yield from COMMANDS


@_offering
def profiles(ctx: typer.Context) -> Iterable[str]:
    """Yield the built-in profiles and the user's own."""
    from notifyws.protocol.loader import built_in, own

    yield from built_in()
    yield from own()


@_offering
def servers(ctx: typer.Context) -> Iterable[str]:
    """Yield the server entries of ``config.toml``."""
    import tomllib

    from notifyws.config.files import read_text_file
    from notifyws.config.sources import config_file

    file = config_file(ctx.params.get("env_file"))
    config = tomllib.loads(read_text_file(file))
    yield from _table(config, "servers")


@_offering
def types(ctx: typer.Context) -> Iterable[str]:
    """Yield the known types: the samples', the settings' and the profile's."""
    import tomllib

    from notifyws.config.dotenv_guard import FOUND
    from notifyws.config.sources import load
    from notifyws.models import SAMPLES
    from notifyws.protocol.loader import profile_text

    yield from SAMPLES
    said = {name: ctx.params.get(name) for name in ("server", "profile", "url")}
    loaded = load(said, env_file=ctx.params.get("env_file"))
    yield from loaded.settings.styles
    if loaded.sources["profile"] != FOUND:
        text, _ = profile_text(loaded.settings.profile)
        yield from _table(tomllib.loads(text), "types")


def _table(values: dict[str, Any], name: str) -> Iterable[str]:
    table = values.get(name, {})
    return table if isinstance(table, dict) else ()


# In bash "=" is a word of its own, which no option of ours is.
BASH = """\
_notifyws_completion() {
    local IFS=$'\\n' word words=()
    for word in "${COMP_WORDS[@]:0:COMP_CWORD}"; do
        [[ $word == "=" ]] || words+=("$word")
    done
    word=${COMP_WORDS[COMP_CWORD]}
    words+=("${word#=}")
    COMPREPLY=()
    while read -r word; do
        [[ -z $word ]] || COMPREPLY+=("$word")
    done < <(env COMP_WORDS="${words[*]}" COMP_CWORD=$(( ${#words[@]} - 1 )) \\
                 _NOTIFYWS_COMPLETE=complete_bash "$1")
    return 0
}

complete -o default -F _notifyws_completion notifyws
"""

# It asks as fish does: the answer meant for zsh is a command to evaluate.
ZSH = """\
#compdef notifyws

_notifyws_completion() {
  local typed="${words[1,$CURRENT]}" word meaning
  local -a found
  compset -P '--*='
  while IFS=$'\\t' read -r word meaning; do
    [[ -z $word ]] || found+=("${word//:/\\\\:}${meaning:+:$meaning}")
  done < <(env _TYPER_COMPLETE_ARGS="$typed" _TYPER_COMPLETE_FISH_ACTION=get-args \\
    _NOTIFYWS_COMPLETE=complete_fish "${words[1]}")
  if (( $#found )); then
    _describe value found
  else
    _files
  fi
}

if [[ $funcstack[1] == _notifyws ]]; then
  _notifyws_completion "$@"
else
  compdef _notifyws_completion notifyws
fi
"""

FISH = """\
function __notifyws_complete
    set -l token (commandline -ct)
    set -l option (string match -r -- '^--[^=]+=' $token)
    set -l found (env _NOTIFYWS_COMPLETE=complete_fish \\
        _TYPER_COMPLETE_FISH_ACTION=get-args \\
        _TYPER_COMPLETE_ARGS=(commandline -cp) notifyws)
    if test -z "$found"
        set found (__fish_complete_path (string replace -- "$option" '' $token))
    end
    for each in $found
        printf '%s\\n' "$option$each"
    end
end

complete --command notifyws --no-files --arguments '(__notifyws_complete)'
"""

SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
PLACES = {
    "bash": (".bash_completions/notifyws.sh", ".bashrc", "source '{path}'"),
    "zsh": (
        ".zfunc/_notifyws",
        ".zshrc",
        "fpath+=~/.zfunc; autoload -Uz compinit; compinit",
    ),
    "fish": (".config/fish/completions/notifyws.fish", "", ""),
}
"""Below home: a script's place, and the file that needs a line for it, and which."""


def show_script(ctx: Any, param: Any, wanted: bool) -> None:
    """Print the script of the shell that we are started from, and end.

    Raises:
        UsageError: there is none for this shell.
    """
    if wanted and not ctx.resilient_parsing:
        emit(SCRIPTS[_shell()])
        raise typer.Exit


def install_script(ctx: Any, param: Any, wanted: bool) -> None:
    """Write that script where its shell finds it, and end.

    Raises:
        UsageError: there is none for this shell.
        ConfigurationError: a file cannot be read or written.
    """
    if not wanted or ctx.resilient_parsing:
        return
    shell = _shell()
    place, startup, line = PLACES[shell]
    path = Path.home() / place
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SCRIPTS[shell], "utf-8")
        if startup:
            _want_line(Path.home() / startup, line.format(path=path))
    except OSError as error:
        message = f"cannot write {error.filename or path}: {error.strerror}"
        hint = "put what notifyws --show-completion prints where your shell reads it"
        raise ConfigurationError(message, hint) from None
    say(f"Completions for {shell} are in {path}; open a new shell")
    raise typer.Exit


def _shell() -> str:
    import shellingham

    name = "this shell"
    with suppress(shellingham.ShellDetectionFailure):
        name = shellingham.detect_shell()[0]
    if name not in SCRIPTS:
        known = ", ".join(SCRIPTS)
        raise UsageError(f"there are no completions for {name}", f"there are: {known}")
    return name


def _want_line(path: Path, line: str) -> None:
    """Add a line to a file that has no such line yet."""
    found = path.read_bytes() if path.exists() else b""
    if line.encode() not in found:
        with path.open("ab") as file:
            file.write(f"\n{line}\n".encode())

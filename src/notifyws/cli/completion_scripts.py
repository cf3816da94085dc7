"""How each shell asks for completions: the scripts, in place of typer's own.

Typer's know nothing of ``--option=value``; its zsh script completes nothing at the
first TAB when it lies in a folder of ``fpath``, and its fish script starts the command
twice for each TAB. None of these evaluates an answer: it is text, line by line.
"""

from __future__ import annotations

from typer import _completion_shared

__all__ = ["use_our_scripts"]

# In bash "=" is a word of its own, which no option of ours is.
BASH = """
%(complete_func)s() {
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
                 %(autocomplete_var)s=complete_bash "$1")
    return 0
}

complete -o default -F %(complete_func)s %(prog_name)s
"""

# It asks as fish does: the answer meant for zsh is a command to evaluate.
ZSH = """
#compdef %(prog_name)s

%(complete_func)s() {
  local typed="${words[1,$CURRENT]}" word meaning
  local -a found
  compset -P '--*='
  while IFS=$'\\t' read -r word meaning; do
    [[ -z $word ]] || found+=("${word//:/\\\\:}${meaning:+:$meaning}")
  done < <(env _TYPER_COMPLETE_ARGS="$typed" _TYPER_COMPLETE_FISH_ACTION=get-args \\
    %(autocomplete_var)s=complete_fish "${words[1]}")
  if (( $#found )); then
    _describe value found
  else
    _files
  fi
}

if [[ $funcstack[1] == _%(prog_name)s ]]; then
  %(complete_func)s "$@"
else
  compdef %(complete_func)s %(prog_name)s
fi
"""

FISH = """
function __%(prog_name)s_complete
    set -l token (commandline -ct)
    set -l option (string match -r -- '^--[^=]+=' $token)
    set -l found (env %(autocomplete_var)s=complete_fish \\
        _TYPER_COMPLETE_FISH_ACTION=get-args \\
        _TYPER_COMPLETE_ARGS=(commandline -cp) %(prog_name)s)
    if test -z "$found"
        set found (__fish_complete_path (string replace -- "$option" '' $token))
    end
    for each in $found
        printf '%%s\\n' "$option$each"
    end
end

complete --command %(prog_name)s --no-files --arguments '(__%(prog_name)s_complete)'
"""


def use_our_scripts() -> None:
    """Make ``--show-completion`` and ``--install-completion`` speak of these."""
    ours = {"bash": BASH, "zsh": ZSH, "fish": FISH}
    _completion_shared._completion_scripts.update(ours)

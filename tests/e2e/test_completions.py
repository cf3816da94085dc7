"""The completion scripts in the shells themselves, driven as their users do."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pexpect
import pytest

from tests.e2e.support import COMMAND

SCRIPTS = Path(__file__).resolve().parents[2] / "completions"
DIRECTUS = ["directus", "directus-graphql"]
TYPED = {
    "notifyws li": ["listen"],
    "notifyws listen --ti": ["--timeout"],
    "notifyws listen --profile di": DIRECTUS,
    "notifyws listen --profile=di": DIRECTUS,
    "notifyws listen -t pay": ["payment_approved"],
    "notifyws send --server w": ["work"],
    "notifyws profile show acm": ["acme"],
}


def having(shell: str):
    missing = shutil.which(shell) is None
    return pytest.mark.skipif(missing, reason=f"{shell} is not installed here")


@pytest.fixture
def place(home):
    """A home with a server entry, a profile, and a file whose name begins with z."""
    folder = home.path / ".config" / "notifyws"
    (folder / "profiles").mkdir(parents=True)
    (folder / "profiles" / "acme.toml").write_text('name = "acme"\n')
    (folder / "config.toml").write_text('[servers.work]\nurl = "wss://a.example"\n')
    (home.path / "zone.env").touch()
    home.env["PATH"] = f"{Path(COMMAND).parent}:{home.env['PATH']}"
    return home


def shell(place, *words: str) -> str:
    done = subprocess.run(
        words, env=place.env, cwd=place.path, capture_output=True, text=True, check=True
    )
    assert done.stderr == ""
    return done.stdout


def bash_words(line: str) -> list[str]:
    """A line as bash takes it apart: "=" is a word of its own."""
    return line.replace("=", " = ").split()


@having("bash")
def test_bash(place):
    lines = [*TYPED, "notifyws listen --tee z"]
    code = [f"source {SCRIPTS / 'notifyws.bash'}"]
    for line in lines:
        words = bash_words(line)
        code.append(f"COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}")
        code.append('_notifyws_completion notifyws; echo "${COMPREPLY[@]}"')
    said = shell(place, "bash", "-c", "\n".join(code)).splitlines()
    wanted = [*TYPED.values(), []]  # nothing of ours: bash takes file names
    assert [line.split() for line in said] == wanted
    assert "complete -o default" in (SCRIPTS / "notifyws.bash").read_text()


@having("fish")
def test_fish(place):
    lines = [*TYPED, "notifyws listen --tee z", "notifyws listen --tee=z"]
    code = [f"source {SCRIPTS / 'notifyws.fish'}"]
    code += [f"complete -C '{line}'; echo" for line in lines]
    said = shell(place, "fish", "--no-config", "-c", "\n".join(code)).split("\n\n")
    found = [[row.split("\t")[0] for row in part.split("\n") if row] for part in said]
    wanted = dict(TYPED)
    wanted["notifyws listen --profile=di"] = [f"--profile={name}" for name in DIRECTUS]
    files = [["zone.env"], ["--tee=zone.env"]]
    assert found[: len(lines)] == [*wanted.values(), *files]


@having("zsh")
@pytest.mark.parametrize("how", ["sourced", "in fpath"])
def test_zsh(place, how):
    script = SCRIPTS / "notifyws.zsh"
    folder = place.path / "functions"
    folder.mkdir()
    shutil.copy(script, folder / "_notifyws")
    opening = [f"source {script}"] if how == "sourced" else []
    fpath = [f"fpath=({folder} $fpath)"] if how == "in fpath" else []
    lines = ["notifyws li"]  # the first TAB counts: that one loads the function
    if how == "sourced":
        lines += ["notifyws listen --profile=di", "notifyws listen --tee z"]
    zsh = pexpect.spawn(
        "zsh", ["-f", "-i"], env=place.env, cwd=place.path, encoding="utf-8", timeout=30
    )
    wanted = {**TYPED, "notifyws listen --tee z": ["zone.env"]}
    try:
        zsh.sendline("unsetopt zle_bracketed_paste; PS1='>'; stty -echo; LISTMAX=999")
        for each in (*fpath, "autoload -Uz compinit; compinit -u -D", *opening):
            zsh.sendline(each)
        zsh.sendline('show() { print -r -- "<$BUFFER>"; zle kill-buffer }')
        zsh.sendline("zle -N show; bindkey '^X' show; print -r 'all' 'set'")
        zsh.expect_exact("all set")
        for line in lines:
            zsh.send(f"{line}\t\x18")
            zsh.expect("<(notifyws.*?) ?>")
            word = zsh.match[1].replace("=", " ").split()[-1]
            assert word == wanted[line][0]
    finally:
        zsh.close(force=True)

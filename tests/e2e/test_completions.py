"""The completion scripts in the shells themselves, driven as their users do."""

from __future__ import annotations

import shlex
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
    "notifyws listen --profile di": DIRECTUS,
    "notifyws listen --profile=di": DIRECTUS,
    "notifyws listen -t pay": ["payment_approved"],
    "notifyws send --server w": ["work"],
}
EVIL = "[types.'pay$(touch owned)']\n[types.'pay\\\\$(touch owned)']\n"


def having(shell: str):
    missing = shutil.which(shell) is None
    return pytest.mark.skipif(missing, reason=f"{shell} is not installed here")


@pytest.fixture
def place(home):
    """A home with a server entry, and a file whose name begins with z."""
    folder = home.path / ".config" / "notifyws"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text('[servers.work]\nurl = "wss://a.example"\n')
    (home.path / "zone.env").touch()
    (home.path / ".env").write_text("NOTIFYWS_PROFILE=./evil.toml\n")
    (home.path / "evil.toml").write_text(EVIL)
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
    folder = place.path / "functions"
    folder.mkdir()
    shutil.copy(SCRIPTS / "notifyws.zsh", folder / "_notifyws")
    fpath = [f"fpath=({folder} $fpath)"] if how == "in fpath" else []
    lines = ["notifyws li"]  # the first TAB counts: that one loads the function
    if how == "sourced":
        lines += ["notifyws listen --profile=di", "notifyws listen --tee z"]
        lines += ["notifyws listen -t pay"]
    wanted = {**TYPED, "notifyws listen --tee z": ["zone.env"]}
    for line, completed in zip(lines, zsh_words(place, lines, fpath), strict=True):
        assert completed.replace("=", " ").split()[-1] == wanted[line][0]
    assert not (place.path / "owned").exists()


@having("zsh")
@pytest.mark.parametrize("word", ["$(touch owned)", "a:b"])
def test_zsh_takes_an_answer_for_text_whatever_it_says(place, word):
    folder = place.path / "stub"
    folder.mkdir()
    stub = folder / "notifyws"
    stub.write_text(f"#!/bin/sh\nprintf '%s\\n' '{word}'\n")
    stub.chmod(0o755)
    place.env["PATH"] = f"{folder}:{place.env['PATH']}"
    [completed] = zsh_words(place, ["notifyws listen -t "], [])
    assert shlex.split(completed)[-1] == word
    assert not (place.path / "owned").exists()


def zsh_words(place, lines, fpath):
    """What becomes of each line at a TAB; sourced, where no fpath is given."""
    zsh = pexpect.spawn(
        "zsh", ["-f", "-i"], env=place.env, cwd=place.path, encoding="utf-8", timeout=30
    )
    upgrade_request = [] if fpath else [f"source {SCRIPTS / 'notifyws.zsh'}"]
    try:
        zsh.sendline("unsetopt zle_bracketed_paste; PS1='>'; stty -echo; LISTMAX=999")
        for each in (*fpath, "autoload -Uz compinit; compinit -u -D", *upgrade_request):
            zsh.sendline(each)
        zsh.sendline('show() { print -r -- "<$BUFFER>"; zle kill-buffer }')
        zsh.sendline("zle -N show; bindkey '^X' show; print -r 'all' 'set'")
        zsh.expect_exact("all set")
        for line in lines:
            zsh.send(f"{line}\t\x18")
            zsh.expect("<(notifyws.*?) ?>")
            yield zsh.match[1]
    finally:
        zsh.close(force=True)

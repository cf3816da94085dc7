"""What a TAB offers."""

from __future__ import annotations

import json
import os
import shlex
import subprocess

import pytest
import typer

from notifyws.cli.app import COMMANDS, _run, root_command
from notifyws.cli.completion import commands, profiles, script, servers, types
from notifyws.errors import ConfigurationError, UsageError
from notifyws.protocol.loader import built_in


@pytest.fixture
def files(home):
    folder = home / ".config" / "notifyws"
    (folder / "profiles").mkdir(parents=True)
    return folder


def context(**params):
    made = typer.Context(root_command())
    made.params.update(params)
    return made


def test_profiles_are_the_built_in_ones_and_ones_own(files):
    (files / "profiles" / "acme.toml").touch()
    assert profiles(context(), "") == sorted([*built_in(), "acme"])
    assert profiles(context(), "ac") == ["acme"]


def test_help_is_offered_the_commands(home):
    assert commands(context(), "") == sorted(COMMANDS)


def test_what_begins_like_a_path_is_left_to_the_shell(home):
    assert profiles(context(), "./") == []


def test_server_entries_are_those_of_the_configuration(files, monkeypatch):
    (files / "config.toml").write_text("[servers.work]\n[servers.home]\n")
    assert servers(context(), "") == ["home", "work"]
    assert servers(context(), "w") == ["work"]
    other = files / "other.toml"
    other.write_text("[servers.else]\n")
    monkeypatch.setenv("NOTIFYWS_CONFIG", str(other))
    assert servers(context(), "") == ["else"]


def test_types_are_the_known_ones_the_settings_and_the_profiles(files):
    (files / "config.toml").write_text('[types.alarm]\nmark = "!"\n')
    profile = files / "profiles" / "acme.toml"
    profile.write_text('name = "acme"\n[types.order_placed]\nmark = "o"\n')
    known = ["message_received", "payment_approved", "trip_update"]
    assert types(context(), "") == sorted([*known, "alarm"])
    assert types(context(profile="acme"), "o") == ["order_placed"]


@pytest.mark.parametrize(
    "text", ["servers = [", "servers = 7", "\xff", '[servers.work]\nurls = "x"', ""]
)
def test_what_is_wrong_or_not_there_offers_nothing_and_says_nothing(files, capfd, text):
    if text:
        (files / "config.toml").write_text(text, "latin-1")
    assert servers(context(), "x") == []
    assert types(context(server="work"), "x") == []
    assert len(types(context(server="work"), "")) == 3  # the samples' are known anyway
    assert capfd.readouterr() == ("", "")


EVIL = ["$(touch owned)", "`touch owned`", "a b", "a;b", "*", "~", "'", "\\n", "-x", ""]


def test_a_word_that_a_shell_could_take_for_more_is_not_offered(files):
    keys = [f"[types.{json.dumps(word)}]" for word in [*EVIL, "ok.é:1/a@b+c-d_e"]]
    text = "\n".join(keys)
    profile = files / "profiles" / "$(touch owned).toml"
    profile.write_text(text)
    (files / "config.toml").write_text(
        text + '\n[servers]\n"$(x)" = {}\n"a b" = {}\nwork = {}\n'
    )
    samples = ["message_received", "payment_approved", "trip_update"]
    assert types(context(), "") == sorted([*samples, "ok.é:1/a@b+c-d_e"])
    assert profiles(context(), "$") == []
    assert servers(context(), "") == ["work"]


def test_a_profile_that_a_folder_names_is_not_read(home):
    (home / "its.toml").write_text("[types.its_own]")
    (home / ".env").write_text("NOTIFYWS_PROFILE=./its.toml\n")
    assert types(context(), "its") == []
    assert types(context(profile="./its.toml"), "its") == ["its_own"]
    assert types(context(env_file=home / ".env"), "its") == ["its_own"]  # typed, too


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_no_script_evaluates_what_it_is_told(shell):
    assert "eval" not in script(shell)
    assert "complete_zsh" not in script(shell)  # typer answers it for an eval


INSTALLED = {
    "bash": (".bash_completions/notifyws.sh", ".bashrc"),
    "zsh": (".zfunc/_notifyws", ".zshrc"),
    "fish": (".config/fish/completions/notifyws.fish", ""),
}


@pytest.fixture
def in_shell(home, monkeypatch):
    """Run the command as if from a shell of that name."""

    def typed(shell, option):
        monkeypatch.setattr("shellingham.detect_shell", lambda: (shell, shell))
        return _run([option])

    return typed


@pytest.mark.parametrize("shell", INSTALLED)
def test_the_script_is_put_where_its_shell_finds_it_and_once(home, in_shell, shell):
    place, startup = INSTALLED[shell]
    if startup:
        (home / startup).write_text("alias n=notifyws")
    assert in_shell(shell, "--install-completion") == 0
    assert in_shell(shell, "--install-completion") == 0
    assert (home / place).read_text("utf-8") == script(shell)
    if startup:
        first, line = (home / startup).read_text().splitlines()
        assert first == "alias n=notifyws"
        assert place.partition("/")[0] in line


def test_a_home_with_an_apostrophe_leaves_a_startup_file_that_can_be_read(
    home, in_shell, monkeypatch
):
    odd = home / "o'brien"
    odd.mkdir()
    monkeypatch.setenv("HOME", str(odd))
    assert in_shell("bash", "--install-completion") == 0
    reads = f". {shlex.quote(str(odd / '.bashrc'))} && complete -p notifyws"
    subprocess.run(["bash", "--norc", "-c", reads], check=True, capture_output=True)


def test_a_line_that_only_speaks_of_the_script_is_not_the_line(home, in_shell):
    line = f"source '{home / INSTALLED['bash'][0]}'"
    (home / ".bashrc").write_text(f"# {line}\necho {line} twice\n")
    assert in_shell("bash", "--install-completion") == 0
    assert (home / ".bashrc").read_text().splitlines()[-1] == line


@pytest.mark.parametrize("name", INSTALLED["bash"])
def test_a_file_that_is_a_pipe_is_told_and_not_waited_for(home, in_shell, name):
    (home / name).parent.mkdir(exist_ok=True)
    os.mkfifo(home / name)
    with pytest.raises(ConfigurationError, match=rf"cannot write .*/{name}: it is a"):
        in_shell("bash", "--install-completion")


def test_the_script_can_be_seen(in_shell, capfd):
    assert in_shell("fish", "--show-completion") == 0
    assert capfd.readouterr() == (script("fish"), "")


@pytest.mark.parametrize("option", ["--install-completion", "--show-completion"])
def test_a_shell_without_a_script_is_told_which_have_one(in_shell, option):
    with pytest.raises(UsageError, match="no completions for tcsh") as caught:
        in_shell("tcsh", option)
    assert caught.value.hint == "there are: bash, zsh, fish"


def test_a_script_that_cannot_be_written_is_told(home, in_shell):
    (home / ".config").touch()
    with pytest.raises(ConfigurationError, match=r"cannot write .*\.config"):
        in_shell("fish", "--install-completion")

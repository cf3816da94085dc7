"""Reads flags, environment, ``.env``, the configuration file and the remembered login.

What is said first wins: flag, environment, ``.env``, server entry, remembered login,
default. A server that is named by a flag brings its whole entry before the environment.
The two URLs of a server are one value in this. Every value keeps where it came from,
for ``status`` and for ``dotenv_guard``.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from msgspec import Struct, structs

from notifyws.config.config_file import parsed_toml
from notifyws.config.dotenv_guard import (
    ADDRESS,
    FOUND,
    OF_ONE_SERVER,
    guard,
    kept_apart,
    keyring_may_answer,
    no_paths,
)
from notifyws.config.files import demand_not_anothers, read_text_file, user_folder
from notifyws.config.saved_login import can_keep_passwords, recall
from notifyws.config.settings import (
    DEFAULT_STYLES,
    FIELDS,
    NEUTRAL,
    Settings,
    TypeStyle,
    environment_name,
)
from notifyws.config.urls import shown_url
from notifyws.config.validation import as_table, known_keys, nearest, validated
from notifyws.errors import ConfigurationError, command

Raw = Mapping[str, Any]
Variables = Mapping[str, str | None]
OURS = "NOTIFYWS_"
EnvFile = str | os.PathLike[str] | None


class Loaded(Struct, frozen=True):
    """Settings, and for each the words that say where it came from.

    ``mistyped``: variables that are no settings: name, where, and the nearest one.
    """

    settings: Settings
    sources: Mapping[str, str]
    mistyped: tuple[tuple[str, str, str], ...] = ()


class _Layer(Struct, frozen=True):
    label: Callable[[str], str]
    values: Raw


def load_settings(**overrides: Any) -> Settings:
    """Return the settings as the command line would see them.

    Args:
        overrides: settings by name; they win over everything else.

    Raises:
        ConfigurationError: a file or a value is wrong; says which.
    """
    return load(overrides).settings


def load(
    flags: Raw = MappingProxyType({}),
    *,
    env_file: EnvFile = None,
    environ: Mapping[str, str] | None = None,
    among_others: bool = False,
) -> Loaded:
    """Return the settings and their sources.

    Args:
        flags: what the command line said, by setting; ``None`` for nothing.
        env_file: a file to read instead of ``.env`` in the working directory.
        environ: the environment; the process's own when not given.
        among_others: it is one of several servers: who we are there, and where that
            is, only its own entry says, lest one be shown what is another's.

    Raises:
        ConfigurationError: a file or a value is wrong; says which.
    """
    environ = os.environ if environ is None else environ
    typed = _Layer(_flag, {k: v for k, v in flags.items() if v is not None})
    variables = _variables(env_file)
    label = FOUND if env_file is None else f"--env-file {env_file}"
    dotenv = _Layer(lambda _: label, _of(variables))
    found = [_Layer(_variable, _of(environ)), dotenv]
    if among_others:
        found = [_Layer(each.label, _of_no_server(each.values)) for each in found]
    config, where = _config(_chosen_config(environ, env_file, variables))
    entry = _entry(config, where, [typed, *found])
    named = typed.values.get("server")
    said = [typed, entry, *found] if named else [typed, *found, entry]
    layers = [*said, _general(config, where)]
    remembered = [] if among_others else [_remembered(layers)]
    values, sources = _merge([*layers, *remembered])
    guard(sources)
    no_paths(values, sources)
    if not keyring_may_answer(sources):
        values["keyring"], sources["keyring"] = False, "not with what .env names"
    who = values["username"] if values["keyring"] else ""
    if who and not values["password"] and can_keep_passwords():
        sources["password"] = "the keyring, if it holds one"
    styles = _styles(config.get("types", {}), where)
    apart = kept_apart(values, sources)
    settings = Settings(**values, styles=styles, apart=apart)
    mistyped = _mistyped((environ, "the environment"), (variables, label))
    return Loaded(settings, sources, tuple(mistyped))


def _mistyped(*places: tuple[Variables, str]) -> Iterator[tuple[str, str, str]]:
    known = {environment_name(name).removeprefix(OURS) for name in FIELDS} | {"CONFIG"}
    for variables, where in places:
        for word in (n.removeprefix(OURS) for n in variables if n.startswith(OURS)):
            if word not in known and (near := nearest(word, known)):
                yield OURS + word, where, OURS + near


def load_servers(
    names: Sequence[str] | None, flags: Raw, *, env_file: EnvFile = None
) -> dict[str, Settings]:
    """Return the settings of several server entries, by their names.

    Args:
        names: of the entries; ``None`` for all that there are.
        flags: what the command line said of each, by setting.
        env_file: a file to read instead of ``.env`` in the working directory.

    Raises:
        ConfigurationError: a file or a value is wrong, or an entry is no server's.
    """
    if names is None and not (names := entry_names(env_file)):
        message = f"there are no servers in {config_file(env_file)}"
        raise ConfigurationError(message, "notifyws auth login --save --name NAME")
    found = {}
    for name in names:
        loaded = load({**flags, "server": name}, env_file=env_file, among_others=True)
        if not loaded.settings.connect_url:
            message = f"servers.{name} names no url, and it is one of several"
            raise ConfigurationError(message, 'give it one: url = "wss://HOST"')
        found[name] = loaded.settings
    return found


def entry_names(env_file: EnvFile = None) -> list[str]:
    """Return the names of the server entries.

    Raises:
        ConfigurationError: the configuration file is wrong.
    """
    config, where = _config(_chosen(env_file))
    return [*as_table(config.get("servers", {}), f"servers in {where}")]


def _of_no_server(values: Raw) -> Raw:
    return {name: value for name, value in values.items() if name not in OF_ONE_SERVER}


def _flag(name: str) -> str:
    return "--password-stdin" if name == "password" else f"--{name.replace('_', '-')}"


def _variable(name: str) -> str:
    return f"{environment_name(name)} in the environment"


def _of(variables: Variables) -> Raw:
    found = {name: variables.get(environment_name(name)) for name in FIELDS}
    return {name: value for name, value in found.items() if value}


def _variables(env_file: EnvFile) -> Variables:
    """Return what a file of variables says: ``.env`` where none is named."""
    path = Path(FOUND if env_file is None else env_file)
    text = read_text_file(path, required=env_file is not None)
    if not text:
        return {}
    from dotenv import dotenv_values

    # Not interpolated: a file could otherwise read the environment's secrets.
    return dotenv_values(stream=io.StringIO(text), interpolate=False)


def config_file(env_file: EnvFile = None) -> Path:
    """Return the path of ``config.toml``.

    Raises:
        ConfigurationError: there is no such ``env_file``.
    """
    return _config_path(_chosen(env_file))


def _chosen(env_file: EnvFile) -> str:
    variables = _variables(env_file) if env_file is not None else {}
    return _chosen_config(os.environ, env_file, variables)


def _chosen_config(environ: Variables, env_file: EnvFile, variables: Variables) -> str:
    """Return the configuration file that somebody chose, if one did.

    NOTIFYWS_CONFIG counts in the environment and in a file named with --env-file,
    not in a ``.env`` that merely lies there: it could name another server.
    """
    named = variables if env_file is not None else {}
    return environ.get("NOTIFYWS_CONFIG") or named.get("NOTIFYWS_CONFIG") or ""


def _config_path(chosen: str) -> Path:
    return Path(chosen) if chosen else user_folder("config") / "config.toml"


def _config(chosen: str) -> tuple[Raw, Path]:
    """Return the configuration file's content and path."""
    path = _config_path(chosen)
    if not chosen:
        demand_not_anothers(path, f"name it: NOTIFYWS_CONFIG={path}")
    text = read_text_file(path, required=bool(chosen))
    config = parsed_toml(text, path) if text else {}
    keys = ("default_server", "routes", "servers", "settings", "types")
    return known_keys(config, keys, str(path)), path


def _entry(config: Raw, where: Path, said: Sequence[_Layer]) -> _Layer:
    values, _ = _merge(said, ["server"])
    name = values["server"] or config.get("default_server", "")
    if not isinstance(name, str):
        message = f"default_server in {where} must be text, not {name!r}"
        raise ConfigurationError(message, "name one of its [servers]")
    servers = as_table(config.get("servers", {}), f"servers in {where}")
    if not name:
        return _Layer(lambda _: "", {})
    if name not in servers:
        near, saved = nearest(name, servers), ("login", "--save", "--name", name)
        new = "a URL is said by --url" if "://" in name else command("auth", *saved)
        hint = f"did you mean {near}?" if near else new
        raise ConfigurationError(f"no server {shown_url(name)!r} in {where}", hint)
    label = f"servers.{name} in {where.name}"
    entry = known_keys(servers[name], FIELDS, label)
    return _Layer(lambda _: label, {"server": name, **entry})


def _general(config: Raw, where: Path) -> _Layer:
    label = f"settings in {where.name}"
    values = known_keys(config.get("settings", {}), FIELDS, label)
    return _Layer(lambda _: label, values)


def _remembered(layers: Sequence[_Layer]) -> _Layer:
    """Return the remembered login, unless somebody names another server or user."""
    kept, who = recall(), (*ADDRESS, "username")
    values, sources = _merge(layers, who)
    for name in who:
        if sources[name] != "default" and values[name] != kept.get(name, ""):
            return _Layer(lambda _: "", {})
    return _Layer(lambda _: "the remembered login", kept)


def _merge(
    layers: Sequence[_Layer], names: Iterable[str] = FIELDS
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what the first layer that says something says, and where it said it."""
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    # A socket of one server with the tokens of another would be theirs to read.
    paired = next((n for n in layers if not n.values.keys().isdisjoint(ADDRESS)), None)
    for name in names:
        values[name], sources[name] = FIELDS[name].default, "default"
        for layer in [paired] if paired and name in ADDRESS else layers:
            if name in layer.values:
                sources[name] = layer.label(name)
                values[name] = validated(name, layer.values[name], sources[name])
                break
    return values, sources


def _styles(tables: Any, where: Path) -> Mapping[str, TypeStyle]:
    styles = dict(DEFAULT_STYLES)
    for name, table in as_table(tables, f"types in {where}").items():
        label = f"types.{name} in {where.name}"
        chosen = known_keys(table, TypeStyle.__struct_fields__, label)
        if not all(isinstance(value, str) for value in chosen.values()):
            said = f"{label}: every value must be text"
            raise ConfigurationError(said, 'write them in quotes, as in mark = "!"')
        styles[name] = structs.replace(styles.get(name, NEUTRAL), **chosen)
    return styles

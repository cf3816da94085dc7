"""Settings: what may be said, where it was said, and which files of a user we touch.

This room owns every setting with its default, unit and variable, the order in which
flags, environment, files and the remembered login are asked, what a value must be, and
how files are read and written. It must not know what a setting is used for: no profile,
token, connection or command.

``config_file``: a server entry in ``config.toml``, found and saved.
``dotenv_guard``: what a ``.env`` that merely lies in the folder may say.
``extras``: which extras are installed, and how another one is had.
``files``: reading and writing files safely.
``recording_file``: the file of a recording, new and its owner's alone.
``saved_login``: the remembered login, and passwords in the system's keyring.
``settings``: every setting, its default and its variable.
``sources``: ``load``: the settings, and where each came from.
``sqlite_files``: which SQLite files are ours.
``tls``: whom we trust.
``toml_text``: where in a TOML text a key stands, and how texts stand in one.
``urls``: URLs as written, shown, and as the origin whose tokens are whose.
``validation``: what a value must be; the nearest word to a mistyped one.
"""

__all__ = [
    "config_file",
    "dotenv_guard",
    "extras",
    "files",
    "recording_file",
    "saved_login",
    "settings",
    "sources",
    "sqlite_files",
    "tls",
    "toml_text",
    "urls",
    "validation",
]

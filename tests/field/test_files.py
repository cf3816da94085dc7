"""Files that are pipes or devices: nobody waits for them, and a sentence names them."""

from __future__ import annotations

import os
import time

import pytest

from tests.e2e.support import Home

WSS = {"WEBSOCKET_SERVER_URL": "wss://127.0.0.1:1", "NOTIFYWS_TOKEN": "t"}
LOGIN = {"WEBSOCKET_USERNAME": "u", "WEBSOCKET_PASSWORD": "p"}
REDIS = "rediss://127.0.0.1:1/0?ssl_{}=pipe"
ASKED = {
    "--env-file": ("status --env-file pipe", {}),
    "--profile": ("listen --profile ./pipe", {}),
    "profile check": ("profile check ./pipe", {}),
    "--payload": ("send --payload @pipe", {}),
    "--tee": ("listen --tee pipe", {}),
    "--replay": ("listen --exec true --replay pipe", {}),
    "the configuration": ("status", {"NOTIFYWS_CONFIG": "pipe"}),
    "an authority": ("listen", {"NOTIFYWS_CA_FILE": "pipe"}),
    "keys of TLS": ("listen", {"SSLKEYLOGFILE": "pipe"}),
    "certificates": ("listen", {"SSL_CERT_FILE": "pipe"}),
    "a folder of certificates": ("listen", {"SSL_CERT_DIR": "pipe"}),
    "Redis's authority": ("token", {**LOGIN, "REDIS_URL": REDIS.format("ca_certs")}),
    "Redis's certificate": ("token", {**LOGIN, "REDIS_URL": REDIS.format("certfile")}),
    "Redis's key": ("token", {**LOGIN, "REDIS_URL": REDIS.format("keyfile")}),
}


@pytest.mark.parametrize(("command", "env"), ASKED.values(), ids=ASKED)
def test_a_pipe_in_place_of_a_file_is_said_and_not_waited_for(home: Home, command, env):
    os.mkfifo(home.path / "pipe")
    home.env |= WSS
    if command == "token":
        del home.env["NOTIFYWS_TOKEN"]
    begun = time.monotonic()
    done = home.within(*command.split(), env=env)
    assert done.returncode == 2
    assert "pipe or a device" in done.stderr
    assert time.monotonic() - begun < 10

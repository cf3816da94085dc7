"""``listen --metrics`` as its users meet it: a page, probes, and errors in words."""

from __future__ import annotations

import json
import re
import signal
import socket

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.e2e.support import Home, Running, Server, plain_http, until
from tests.support.valkey import Valkey, free_port


def get(url: str) -> tuple[int, str]:
    with plain_http() as client:
        answer = client.get(url)
    return answer.status_code, answer.text


def pages(listener: Running) -> str:
    """Wait until it says where its pages are; return their URL."""
    said = r"^Metrics on (http://\S+)/metrics$"
    return until(
        lambda: re.search(said, listener.err.text, re.MULTILINE),
        f"the URL in {listener.err.text!r}",
    )[1]


def test_it_says_where_its_pages_are_and_they_end_with_it(home: Home, server: Server):
    listener = home.listen("--json", "-n", "1", "--metrics", "0")
    url = pages(listener)
    assert get(f"{url}/readyz") == (200, "ready\n")
    status, text = get(f"{url}/metrics")
    assert status == 200
    values = {
        family.name: family.samples[0].value
        for family in text_string_to_metric_families(text)
    }
    assert (values["notifyws_connected"], values["notifyws_received"]) == (1, 0)
    server.notify(1)
    assert listener.wait() == 0
    assert len(listener.out.lines) == 1
    with pytest.raises(httpx.ConnectError):
        get(f"{url}/metrics")


def test_while_the_server_is_away_it_is_alive_and_not_ready(home: Home):
    nobody = f"ws://127.0.0.1:{free_port()}"
    env = {"NOTIFYWS_TOKEN": "t", "WEBSOCKET_SERVER_URL": nobody}
    listener = home.start("listen", "--json", "--metrics", "0", env=env)
    url = pages(listener)
    listener.says("Reconnecting")
    assert get(f"{url}/healthz") == (200, "ok\n")
    assert get(f"{url}/readyz")[0] == 503
    assert get(f"{url}/readyz")[1] in ("reconnecting\n", "connecting\n")
    assert listener.end() == -signal.SIGTERM


def test_quiet_is_quiet_and_serves_all_the_same(home: Home, server: Server):
    port = free_port()
    listener = home.start("listen", "--json", "-q", "--metrics", str(port))
    url = f"http://127.0.0.1:{port}"

    def ready():
        with plain_http() as client:
            try:
                return client.get(f"{url}/readyz").status_code == 200
            except httpx.ConnectError:
                return False

    until(ready, "ready")
    assert get(f"{url}/nonesuch")[0] == 404
    listener.end(signal.SIGINT)
    assert (listener.out.text, listener.err.text) == ("", "")


def value(url: str, sample: str) -> float:
    found = re.search(rf"^{re.escape(sample)} (.*)$", get(url)[1], re.MULTILINE)
    return float(found[1]) if found else -1.0


def test_every_member_of_a_group_is_ready_and_one_is_connected(
    home: Home, server: Server, clean_valkey: Valkey
):
    args = ("--json", "--group", "workers", "--exec", "true", "--metrics", "0")
    members = [
        home.start("listen", *args, REDIS_URL=clean_valkey.url) for _ in range(2)
    ]
    urls = [pages(member) for member in members]

    def total(sample: str) -> float:
        return sum(value(f"{url}/metrics", sample) for url in urls)

    until(lambda: all(get(f"{u}/readyz")[0] == 200 for u in urls), "both ready")
    until(lambda: total("notifyws_connected") == 1, "a socket")
    of = '{group="workers"}'
    until(lambda: total(f"notifyws_group_leader{of}") == 1, "one leader")
    until(lambda: total(f"notifyws_group_has_leader{of}") == 2, "both know it")
    server.notify(*range(20))
    taken = 'notifyws_deliveries_total{outcome="delivered",sink="exec"}'
    until(lambda: total(taken) == 20, "all of them handed on")
    assert total("notifyws_received_total") == 20
    assert total(f"notifyws_group_lag{of}") >= 0
    until(lambda: total(f"notifyws_group_pending{of}") == 0, "nothing pending")


def test_a_port_in_use_ends_it_before_it_connects(home: Home, server: Server):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = home.within("listen", "--json", "--metrics", str(port))
    assert ended.returncode == 2
    error = json.loads(ended.stderr)["error"]
    assert error["message"].endswith(f"127.0.0.1:{port}: address already in use")
    assert "--metrics 0" in error["hint"]
    assert server.stats["logins"] == 0


def test_without_the_extra_a_hint_says_how_to_have_it(home: Home, server: Server):
    absent = home.path / "absent" / "prometheus_client.py"
    absent.parent.mkdir()
    absent.write_text("raise ImportError")
    there = {"PYTHONPATH": str(absent.parent)}
    ended = home.run("listen", "--json", "--metrics", "0", env=there)
    assert ended.returncode == 2
    error = json.loads(ended.stderr)["error"]
    said = "--metrics needs the extra metrics, which is not installed"
    assert (error["kind"], error["message"]) == ("configuration", said)
    assert re.fullmatch(r"pip install .*\[.*\bmetrics\b.*\].*", error["hint"])


def test_what_is_no_port_is_wrong_usage(home: Home):
    ended = home.within("listen", "--json", "--metrics", "http://127.0.0.1:9100")
    assert ended.returncode == 2
    assert "--metrics takes [HOST:]PORT" in ended.stderr

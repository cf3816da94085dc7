"""What Prometheus reads of a listener, beside what really happened to it."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from types import SimpleNamespace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from notifyws import NotificationService
from notifyws.config.settings import Settings
from notifyws.connection.outcome import REASONS
from notifyws.delivery.filters import Selection
from notifyws.delivery.targets import DeliveryTargets
from notifyws.devserver.server import DevServer, ServerOptions
from notifyws.errors import ConfigurationError
from notifyws.events import Failure, Gap
from notifyws.fleet.active_listener import ActiveListener
from notifyws.fleet.metrics import METRICS, Readings
from notifyws.fleet.metrics_page import MetricsPage

pytestmark = pytest.mark.usefixtures("alone")

PASSWORD = "sentinel-password-c0de"
EVERYTHING = {
    **dict.fromkeys(("ping_interval", "stable_after"), 30.0),
    "retry_delays": (0.01,),
    "hand_on_delays": (0.01, 0.01),
}


class Scene:
    """A listener with pages, and a server that does as it is told."""

    def __init__(self, server: DevServer, service: NotificationService) -> None:
        self.listener: ActiveListener = service.listener
        self.page = MetricsPage({"": Readings(service.listener)})
        self.service = service
        self._url = server.http_url

    async def dev(self, order: str, body) -> None:
        async with httpx.AsyncClient(base_url=self._url, trust_env=False) as http:
            (await http.post(f"/_dev/{order}", json=body)).raise_for_status()

    def samples(self) -> dict[str, float]:
        return samples_of(self.page.text())

    async def until(self, **wanted: float) -> dict[str, float]:
        """Wait until samples, named without their prefix, have these values."""
        wanted = {f"notifyws_{name}": value for name, value in wanted.items()}
        async with asyncio.timeout(10):
            while not wanted.items() <= (now := self.samples()).items():
                await asyncio.sleep(0.005)
        return now


def samples_of(text: str) -> dict[str, float]:
    """Return the samples of a page: name and labels -> value."""
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = ",".join(f"{k}={v}" for k, v in sorted(sample.labels.items()))
            name = f"{sample.name}[{labels}]" if labels else sample.name
            assert name not in found
            found[name] = sample.value
    return found


@asynccontextmanager
async def listening(deliver=None, selection=None, **settings):
    options = ServerOptions(port=0, users={"demo": PASSWORD})
    async with DevServer(options) as server:
        told = {**EVERYTHING, "url": server.url, "cache_url": "memory://", **settings}
        chosen = Settings(username="demo", password=PASSWORD, **told)
        warnings: list[str] = []
        how = {"deliver": deliver, "selection": selection, "warn": warnings.append}
        async with NotificationService(chosen, name="desk", **how) as service:
            scene = Scene(server, service)
            service.start()
            yield scene


async def test_what_arrives_is_counted_once_and_dated():
    wanted = Selection((), "title != 'no'", None, None, lambda text: None)
    async with listening(selection=wanted) as scene:
        before = await scene.until(connected=1)
        assert before["notifyws_received_total"] == 0
        assert "notifyws_last_notification_timestamp_seconds" not in before
        messages = [{"type": "t", "title": title} for title in ("yes", "no", "yes")]
        await scene.dev("notify", messages)
        now = await scene.until(received_total=3, filtered_total=1)
        arrived = now["notifyws_last_notification_timestamp_seconds"]
        assert arrived == pytest.approx(scene.listener.auth.clock.wall(), abs=30)
        assert 0 <= now["notifyws_last_notification_delay_seconds"] < 30
        assert now["notifyws_ping_seconds"] > 0
        assert now["notifyws_waiting[queue=output]"] == len(scene.listener.queue) > 1
        assert now["notifyws_tokens_obtained_total[source=login]"] == 1


async def test_a_lost_connection_is_a_reconnect_and_a_gap_is_a_gap():
    async with listening() as scene:
        await scene.until(connected=1)
        await scene.dev("cut", {"code": 4321, "reason": "\n}reason='secret'"})
        await scene.until(connected=1, **{"reconnects_total[reason=closed]": 1})
        await scene.dev("cut", {})
        await scene.until(gaps_total=2, **{"reconnects_total[reason=cut]": 1})
        scene.listener.tell_gap("2024-01-15T10:30:00Z", "somebody's words")
        assert scene.samples()["notifyws_gaps_total"] == 3
        await scene.dev("raw", {"text": "no JSON {secret}"})
        await scene.until(**{"errors_total[kind=invalid_message]": 1})
        assert "secret" not in scene.page.text()
        assert "words" not in scene.page.text()


async def test_what_sinks_take_and_refuse_is_counted():
    targets = DeliveryTargets(
        command="""sh -c 'test "$NOTIFICATION_TITLE" = good'""", tell=lambda text: None
    )
    async with listening(deliver=targets) as scene:
        await scene.until(connected=1)
        await scene.dev("notify", [{"type": "t", "title": "bad"}])
        await scene.dev("notify", [{"type": "t", "title": "good"}])
        now = await scene.until(
            **{
                "deliveries_total[outcome=delivered,sink=exec]": 1,
                "deliveries_total[outcome=dead_letter,sink=exec]": 1,
                "waiting[queue=exec]": 0,
            }
        )
        assert now["notifyws_delivery_retries_total[sink=exec]"] == 2
        assert now["notifyws_delivery_seconds_count[sink=exec]"] == 4
        assert now["notifyws_delivery_seconds_sum[sink=exec]"] > 0
        assert now["notifyws_dropped_total[queue=exec]"] == 0


async def test_the_page_holds_every_metric_and_no_secret():
    targets = DeliveryTargets(command="true", url="http://alice:hidden@127.0.0.1:9/x")
    async with listening(deliver=targets, verify_every=0.01) as scene:
        scene.listener.group = SimpleNamespace(
            name='or"ders\n', leading=True, has_leader=True, lag=7, pending=2
        )
        await scene.until(connected=1)
        await scene.dev("notify", [{"type": "t", "title": "private"}])
        await scene.until(received_total=1)
        verified = scene.listener.session.verifier.proofs
        verified.proved_at = "2024-01-15T10:30:00Z"  # a look takes seconds
        text = scene.page.text()
        families = {f.name: f for f in text_string_to_metric_families(text)}
        for metric in METRICS:
            family = families[metric.name.removesuffix("_total")]
            assert family.type == metric.kind
            assert family.documentation == metric.meaning
            assert {tuple(sorted(s.labels)) for s in family.samples} == {
                tuple(sorted(metric.labels))
            }
        assert families["notifyws_group_lag"].samples[0].value == 7
        assert families["notifyws_info"].samples[0].labels["server"] == "127.0.0.1"
        token = scene.service.token.value
        for secret in (PASSWORD, token, "demo", "private", "hidden", "alice"):
            assert secret not in text


async def test_without_a_group_nothing_is_said_of_one():
    async with listening() as scene:
        assert "notifyws_group" not in scene.page.text()
        scene.listener.group = SimpleNamespace(
            name="g", leading=False, has_leader=False, lag=None, pending=0
        )
        now = scene.samples()
        assert now["notifyws_group_leader[group=g]"] == 0
        assert now["notifyws_group_pending[group=g]"] == 0
        assert "notifyws_group_lag[group=g]" not in now


async def test_a_listener_that_has_not_begun_can_be_read():
    settings = Settings(
        url="wss://ws.example.com", username="me", cache_url="memory://"
    )
    async with NotificationService(settings) as service:
        readings = Readings(service.listener)
        now = samples_of(MetricsPage({"": readings}).text())
        assert now["notifyws_connected"] == now["notifyws_received_total"] == 0
        for reason in REASONS:
            assert now[f"notifyws_reconnects_total[reason={reason}]"] == 0
        readings.observe(Gap("", "", "", recovered=True))
        readings.observe(Failure("server_error", "words"))
        now = samples_of(MetricsPage({"": readings}).text())
        assert now["notifyws_gaps_total"] == 0
        assert now["notifyws_errors_total[kind=server_error]"] == 1


def test_without_a_server_the_error_is_the_usual_one():
    with pytest.raises(ConfigurationError, match="no server is configured"):
        Readings(NotificationService(Settings()).listener)


@pytest.mark.parametrize("metric", METRICS, ids=[metric.name for metric in METRICS])
def test_a_name_is_as_prometheus_wants_it(metric):
    assert metric.name.startswith("notifyws_")
    assert metric.name.endswith("_total") == (metric.kind == "counter")
    assert not any(unit in metric.name for unit in ("milli", "minutes", "_ms"))
    assert metric.meaning.endswith(".")
    assert not {"le", "quantile", "job", "instance"} & set(metric.labels)

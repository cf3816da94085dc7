"""What the pages of a fleet and the dashboard ask for is there, and valid."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path

import kubernetes_validate
import promql_parser as promql
import pytest
import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard
from prometheus_client.parser import text_string_to_metric_families

from notifyws import NotificationService
from notifyws.cli.app import root_command
from notifyws.config.settings import FIELDS, Settings, environment_name
from notifyws.fleet.health import STALLED
from notifyws.fleet.metrics import METRICS, Readings
from notifyws.fleet.metrics_page import MetricsPage

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = "".join(
    (DOCS / f"{name}.md").read_text("utf-8") for name in ("metrics", "kubernetes")
)
FENCE = re.compile(r"^```yaml\n(.*?)^```", re.DOTALL | re.MULTILINE)
DOCUMENTS = [
    document for block in FENCE.findall(PAGE) for document in yaml.safe_load_all(block)
]
MANIFESTS = {each["kind"]: each for each in DOCUMENTS if "kind" in each}
RULES = [
    rule
    for document in DOCUMENTS
    for group in document.get("groups", ())
    for rule in group["rules"]
]
DASHBOARD = json.loads((DOCS / "grafana-dashboard.json").read_text("utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
GIVEN_BY_PROMETHEUS = {"instance", "job"}
KUBERNETES = "1.33"


def known() -> dict[str, set[str]]:
    """Return the labels of every sample that a page can have, by its name."""
    names: dict[str, set[str]] = {}
    for metric in METRICS:
        ends = ("_count", "_sum") if metric.kind == "summary" else ("",)
        names |= {f"{metric.name}{end}": set(metric.labels) for end in ends}
    settings = Settings(url="wss://ws.example.com", cache_url="memory://")
    page = MetricsPage({"": Readings(NotificationService(settings).listener)})
    for family in text_string_to_metric_families(page.text()):
        for sample in family.samples:
            names.setdefault(sample.name, set(sample.labels))
    return names


KNOWN = known()


def parts(node) -> list[tuple[str, set[str]]]:
    """Return an expression's selectors, each with the labels that are asked of it."""
    labels: set[str] = set()
    match node:
        case promql.VectorSelector():
            return [(node.name, {m.name for m in node.matchers.matchers})]
        case promql.MatrixSelector():
            inner = [node.vector_selector]
        case promql.AggregateExpr():
            inner = [node.expr]
            labels = set(node.modifier.labels) if node.modifier else set()
        case promql.BinaryExpr():
            inner = [node.lhs, node.rhs]
        case promql.Call():
            inner = node.args
        case promql.ParenExpr():
            inner = [node.expr]
        case promql.NumberLiteral():
            inner = []
        case _:
            raise AssertionError(type(node))
    return [(name, used | labels) for each in inner for name, used in parts(each)]


def check(expression: str) -> None:
    """Hold an expression to what a listener gives."""
    plain = expression.replace("$__rate_interval", "5m")
    found = parts(promql.parse(plain))
    assert found, expression
    for name, labels in found:
        assert name in KNOWN, expression
        assert labels <= KNOWN[name] | GIVEN_BY_PROMETHEUS, expression


@pytest.mark.parametrize(
    "wrong",
    [
        "notifyws_nonesuch > 0",
        'sum by (sink) (rate(notifyws_received_total{sink="exec"}[5m]))',
        "sum by (raeson) (increase(notifyws_reconnects_total[$__rate_interval]))",
        "notifyws_delivery_seconds",
    ],
)
def test_a_query_that_asks_for_what_is_not_there_is_found(wrong):
    with pytest.raises(AssertionError):
        check(wrong)


# Alerts


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_asks_for_what_there_is(rule):
    assert set(rule) - {"for"} == {"alert", "expr", "labels", "annotations"}
    assert rule["labels"]["severity"] in ("critical", "warning")
    assert set(rule["annotations"]) == {"summary", "description"}
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
    check(rule["expr"])


def test_every_alert_has_its_reason_before_it():
    block = next(text for text in FENCE.findall(PAGE) if "- alert:" in text)
    assert len(re.findall(r"^      # .*\n      (?=- alert:)", block, re.MULTILINE)) == (
        len(RULES)
    )


# The dashboard


@pytest.mark.parametrize("panel", PANELS, ids=[panel["title"] for panel in PANELS])
def test_a_panel_asks_for_what_there_is(panel):
    assert panel["description"]
    for target in panel["targets"]:
        check(target["expr"])
        assert 'instance=~"$instance"' in target["expr"]


def test_the_dashboard_shows_every_metric():
    asked = json.dumps(DASHBOARD)
    missing = [metric.name for metric in METRICS if metric.name not in asked]
    assert missing == []


def test_the_dashboard_is_what_grafana_s_own_models_read_and_write():
    register_default_plugins()
    read = Dashboard.from_json(json.loads(json.dumps(DASHBOARD)))
    written = json.loads(JSONEncoder().encode(read))
    assert lost(DASHBOARD, written) == []


def lost(ours, theirs, path="") -> list[str]:
    """Return where something of ours is missing, or is another thing."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        there = [key for key in ours if ours[key] is not None]
        pairs = [(f"{path}/{key}", ours[key], theirs.get(key)) for key in there]
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            return [path]
        both = enumerate(zip(ours, theirs, strict=True))
        pairs = [(f"{path}/{n}", a, b) for n, (a, b) in both]
    else:
        return [] if ours == theirs else [path]
    return [each for where, a, b in pairs for each in lost(a, b, where)]


def test_panels_have_numbers_of_their_own_and_none_lies_on_another():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    places = [panel["gridPos"] for panel in panels]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for a, b in combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        apart = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or apart


# Kubernetes


@pytest.mark.parametrize("kind", ["Secret", "Deployment", "PodDisruptionBudget"])
def test_a_manifest_is_what_kubernetes_takes(kind):
    kubernetes_validate.validate(MANIFESTS[kind], KUBERNETES, strict=True)


def test_a_manifest_with_a_word_that_kubernetes_does_not_know_is_found():
    wrong = json.loads(json.dumps(MANIFESTS["Deployment"]))
    wrong["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, KUBERNETES, strict=True)


def test_the_manifests_fit_together():
    deployment, budget = MANIFESTS["Deployment"], MANIFESTS["PodDisruptionBudget"]
    template = deployment["spec"]["template"]
    labels = template["metadata"]["labels"]
    for selector in (deployment["spec"]["selector"], budget["spec"]["selector"]):
        assert selector["matchLabels"].items() <= labels.items()
    assert deployment["spec"]["replicas"] > budget["spec"]["minAvailable"]
    (container,) = template["spec"]["containers"]
    (source,) = container["envFrom"]
    assert source["secretRef"]["name"] == MANIFESTS["Secret"]["metadata"]["name"]
    volumes = {volume["name"] for volume in template["spec"]["volumes"]}
    assert {mount["name"] for mount in container["volumeMounts"]} == volumes


def test_the_probes_ask_where_the_listener_serves():
    template = MANIFESTS["Deployment"]["spec"]["template"]
    (container,) = template["spec"]["containers"]
    (port,) = container["ports"]
    host, _, number = container["args"][-1].partition(":")
    assert (container["args"][-2], host) == ("--metrics", "0.0.0.0")
    assert port["containerPort"] == int(number)
    assert template["metadata"]["annotations"]["prometheus.io/port"] == number
    for probe, path in (("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")):
        assert container[probe]["httpGet"] == {"path": path, "port": port["name"]}
    assert f"for {STALLED:g} s" in PAGE


def test_the_secret_holds_settings_of_ours():
    names = {environment_name(name) for name in FIELDS}
    assert MANIFESTS["Secret"]["stringData"].keys() <= names


def test_the_listener_s_options_are_ours():
    (container,) = MANIFESTS["Deployment"]["spec"]["template"]["spec"]["containers"]
    listen = root_command().get_command(None, "listen")
    known_options = {name for param in listen.params for name in param.opts}
    options = {word for word in container["args"] if word.startswith("--")}
    assert options <= known_options

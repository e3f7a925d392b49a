"""Metrics of a capture, and the dashboard that asks for them."""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from captures import begun, ended, grow
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from asicrc.errors import UsageError
from asicrc.telemetry.capture_view import CaptureView
from asicrc.telemetry.prometheus import CaptureMetrics, MetricsServer, check_prometheus
from firmware_protocols.device import Setting

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MetricsServer]:
    path = tmp_path / "a.asicrc"
    writer = begun(path)
    grow(writer, 300)
    ended(writer)
    server = MetricsServer(path, "127.0.0.1:0")
    server.start()
    yield server
    server.close()


def get(server: MetricsServer, path: str = "/metrics", host: str | None = None) -> tuple[int, str]:
    address = server.url.removeprefix("http://").partition("/")[0]
    connection = http.client.HTTPConnection(address, timeout=40)
    try:
        connection.request("GET", path, headers={"Accept": OPENMETRICS, "Host": host or address})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture
def samples(server: MetricsServer) -> dict[str, dict[str, float]]:
    """Sample name -> its labels as text -> value; the parser of the library checks the format."""
    status, text = get(server)
    assert status == 200
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[json.dumps(sample.labels, sort_keys=True)] = sample.value
    return found


def test_the_exposition_is_open_metrics_with_units_in_its_names(samples: dict[str, dict[str, float]]) -> None:
    assert samples["asicrc_events_total"]['{"verdict": "valid"}'] == 300
    assert samples["asicrc_reading_temperature_celsius"]['{"channel": "temperature_c"}'] == 55.25
    assert samples["asicrc_reading_power_watts"]['{"channel": "power_w"}'] == 12.5
    frequency = samples["asicrc_setting_frequency_hertz"]
    assert frequency['{"setting": "frequency_mhz", "which": "read_back"}'] == 485e6
    voltage = samples["asicrc_setting_voltage_volts"]
    assert voltage == {'{"setting": "voltage_mv", "which": "requested"}': pytest.approx(1.2)}
    assert samples["asicrc_sealed"]["{}"] == 1
    assert samples["asicrc_file_readable"]["{}"] == 1
    low, rate, high = (samples[f"asicrc_event_rate{end}_per_second"]["{}"] for end in ("_low", "", "_high"))
    assert 0 < low < rate < high < 120  # an event every 10 ms, and a silence up to the newest anchor
    for name in samples:
        assert re.search(
            r"_(celsius|watts|volts|hertz|ratio|second|seconds|total|info|sealed|readable|number|taken|planned)$",
            name,
        ), name


def test_words_of_a_strange_file_make_no_exposition_that_is_none(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with begun(path) as writer:
        grow(writer, 20)
        names = ["a" * 300 + end for end in "12"]
        writer.add_settings([Setting(1, name, 1.0, 2.0) for name in names])
    view = CaptureView(path).look()
    registry = CollectorRegistry()
    registry.register(CaptureMetrics(lambda: replace(view, device='"\ud800\n\x00' * 100)))
    text = generate_latest(registry).decode()
    families = {family.name: family for family in text_string_to_metric_families(text)}
    assert len(families["asicrc_setting_value"].samples) == 2
    MetricsServer(path, "127.0.0.1:0").close()  # never started


@pytest.mark.parametrize("host", ["localhost:9100", "10.0.0.5", "[::1]:9100", "127.0.0.1"])
def test_requests_under_an_address_are_answered(server: MetricsServer, host: str) -> None:
    assert get(server, host=host)[0] == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:9100", "localhost.evil.example"])
def test_requests_under_a_strangers_name_are_not(server: MetricsServer, host: str) -> None:
    status, text = get(server, host=host)
    assert status == 421
    assert "asicrc_" not in text
    assert get(server, path="/elsewhere")[0] == 404


def test_a_file_that_cannot_be_read_any_more_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.asicrc"
    with begun(path) as writer:
        grow(writer, 20)
    said: list[str] = []
    told = threading.Event()

    def say(text: str) -> None:
        said.append(text)
        told.set()

    server = MetricsServer(path, "127.0.0.1:0", say)
    try:
        path.write_bytes(b"not SQLite" * 100)
        server.start()
        assert told.wait(40)
        assert "asicrc_file_readable 0.0" in get(server)[1]
        assert len(said) == 1
    finally:
        server.close()


@pytest.mark.parametrize("address", ["9100", "host", "host:", ":9100x", "h:70000", "h:-1"])
def test_addresses_that_are_none_are_refused(address: str) -> None:
    with pytest.raises(UsageError):
        check_prometheus(address)


def test_a_port_that_is_taken_is_an_error_that_names_it(server: MetricsServer, tmp_path: Path) -> None:
    taken = server.url.removeprefix("http://").partition("/")[0]
    with begun(tmp_path / "b.asicrc"), pytest.raises(UsageError, match=taken):
        MetricsServer(tmp_path / "b.asicrc", taken)


@pytest.fixture(scope="module")
def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        files("asicrc.telemetry").joinpath("grafana", "asicrc.json").read_text(encoding="utf-8")
    )
    return found


def test_every_metric_of_the_dashboard_is_exposed(
    dashboard: dict[str, Any], samples: dict[str, dict[str, float]]
) -> None:
    live = {"asicrc_commit_age_seconds", "asicrc_reading_hash_rate_hashes_per_second", "asicrc_reading_ratio"}
    asked: set[str] = set()
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            names = set(re.findall(r"\b(asicrc_[a-z_]+)", target["expr"]))
            assert names, target
            asked |= names
            for label in re.findall(r"([a-z_]+)=~?\"", target["expr"]):
                assert label in {"instance", "channel", "setting", "which", "verdict"}, target
    assert asked - live <= set(samples)
    assert asked >= {
        "asicrc_event_rate_per_second",
        "asicrc_interval_cv_ratio",
        "asicrc_invalid_events_ratio",
    }


def test_the_guide_names_every_metric_and_no_other(
    dashboard: dict[str, Any], samples: dict[str, dict[str, float]]
) -> None:
    from asicrc.guides import guide_text
    from asicrc.telemetry.units import UNITS

    named = set(re.findall(r"`(asicrc_[a-z_]+)`", guide_text("live"))) - {"asicrc_RIG", "asicrc_version"}
    readings = {f"asicrc_reading_{unit.metric}" for unit in UNITS.values()}
    assert named >= set(samples) | readings
    settings = {name for name in named if name.startswith("asicrc_setting_")}
    assert {name.removeprefix("asicrc_setting_") for name in settings} <= {
        "value",
        *(unit.metric for unit in UNITS.values()),
    }
    assert named - settings - readings - set(samples) == {"asicrc_commit_age_seconds"}


def test_the_metrics_of_a_live_capture_with_such_readings_are_exposed_too(tmp_path: Path) -> None:
    from prometheus_client import CollectorRegistry, generate_latest

    from asicrc.telemetry.capture_view import CaptureView
    from asicrc.telemetry.prometheus import CaptureMetrics
    from firmware_protocols.device import Reading

    path = tmp_path / "live.asicrc"
    with begun(path) as writer:
        grow(writer, 20)
        writer.add_readings([Reading(1, "hash_rate_ghs", 500.0), Reading(1, "fan_percent", 40.0)])
        writer.commit()
        registry = CollectorRegistry()
        standing = CaptureView(path).look()
        registry.register(CaptureMetrics(lambda: standing))
        text = generate_latest(registry).decode()
    assert "asicrc_commit_age_seconds " in text
    assert 'asicrc_reading_hash_rate_hashes_per_second{channel="hash_rate_ghs"} 5e+011' in text.replace(
        "5e+11", "5e+011"
    )
    assert 'asicrc_reading_ratio{channel="fan_percent"} 0.4' in text


def test_the_dashboard_is_one_that_grafana_takes(dashboard: dict[str, Any]) -> None:
    assert dashboard["id"] is None
    assert dashboard["schemaVersion"] >= 36
    assert dashboard["title"] and dashboard["uid"]
    assert {"panels", "templating", "time", "refresh", "tags"} <= set(dashboard)
    variables = {variable["name"]: variable for variable in dashboard["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert variables["datasource"]["query"] == "prometheus"
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    cells: set[tuple[int, int]] = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        taken = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        cells |= taken
        assert panel["type"] in {"timeseries", "stat"}
        assert panel["title"] and panel["description"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert panel["fieldConfig"]["defaults"]["unit"]
        refs = [target["refId"] for target in panel["targets"]]
        assert len(set(refs)) == len(refs)
        assert all("$instance" in target["expr"] for target in panel["targets"])

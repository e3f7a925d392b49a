"""The station file: what is read, what is refused and where, which entry a device URL means."""

from __future__ import annotations

import json
import os
import socket
import string
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asicrc.bench import station_match
from asicrc.bench.envelope import LIMIT_KEYS
from asicrc.bench.limits import BOARDS, allowed_envelope
from asicrc.bench.station import (
    Board,
    Chip,
    Limits,
    Station,
    StationDevice,
    Supervision,
    find_station,
    load_station,
    station_snapshot,
)
from asicrc.bench.station_errors import line_of
from asicrc.bench.station_limits import checked_devices
from asicrc.bench.supervision.thresholds import THRESHOLD_KEYS
from asicrc.bench.widening import BEYOND_FLAG, BEYOND_TABLE
from asicrc.cli.main import _run
from asicrc.devices import Circumstances, open_device
from asicrc.errors import BadFile, DeviceError, UsageError
from asicrc.transports import name_lookup

EXAMPLE = Path(station_match.__file__).with_name("station.example.toml").read_text()
MAX = "frequency_mhz_max = 250"
HEAD = '[station]\nname = "bench"\n'


def read(tmp_path: Path, text: str) -> Station:
    path = tmp_path / "station.toml"
    path.write_text(text)
    return load_station(path)


def test_the_example_is_a_station_file_that_narrows(tmp_path: Path) -> None:
    station = read(tmp_path, EXAMPLE)
    assert station.station.name == "bench-1"
    ultra = station.device_for("bitaxe-raw:/dev/ttyACM0,/dev/ttyACM1?board=ultra")
    assert ultra is not None
    assert ultra.cooling is not None
    assert (ultra.board, ultra.chip, ultra.cooling.kind) == ("bitaxe-ultra", "BM1366", "fan")
    in_force = allowed_envelope(ultra.board, ultra.chip or "", ultra.limits.by_key())
    assert in_force.temperature_c == 65
    assert in_force.voltage_mv is not None
    assert (in_force.voltage_mv.low, in_force.voltage_mv.high) == (1100, 1250)
    assert [device.error for device in checked_devices(station)] == [None, None]
    assert EXAMPLE.startswith("#:schema ")


def test_the_file_knows_the_same_words_as_the_limits() -> None:
    assert set(get_args(Board)) == set(BOARDS)
    assert set(get_args(Chip)) == {chip for chips in BOARDS.values() for chip in chips}
    assert set(Limits.model_fields) == set(LIMIT_KEYS)
    assert BEYOND_TABLE in StationDevice.model_fields
    described = Limits.model_json_schema()["properties"]
    for key, rule in LIMIT_KEYS.items():
        number = described[key]["anyOf"][0]
        assert (number["minimum"], number["maximum"]) == rule.sane


def test_supervision_has_the_words_of_its_thresholds_and_only_narrows(tmp_path: Path) -> None:
    assert set(Supervision.model_fields) == set(THRESHOLD_KEYS)
    described = Supervision.model_json_schema()["properties"]
    for key, rule in THRESHOLD_KEYS.items():
        number = described[key]["anyOf"][0]
        assert (number["minimum"], number["maximum"]) == rule.sane
    checked = checked_devices(read(tmp_path, EXAMPLE))
    for device in checked:
        assert device.as_json()["supervision"]["hash_rate_share_min"] == 0.6
        assert device.as_json()["supervision"]["sensor_silent_s_max"] == 3.5
    tighter = EXAMPLE.replace(
        "[supervision]", "[device.supervision]\nvoltage_error_mv_max = 60\n[supervision]"
    )
    assert checked_devices(read(tmp_path, tighter))[1].supervision()["voltage_error_mv_max"] == 60
    wider = EXAMPLE.replace("[supervision]", "[device.supervision]\ninvalid_share_max = 0.9\n[supervision]")
    error = checked_devices(read(tmp_path, wider))[1].error
    assert error is not None and "wider than 0.25" in error.message
    with pytest.raises(BadFile, match="there is no key hash_rate_min"):
        read(tmp_path, EXAMPLE.replace("hash_rate_share_min", "hash_rate_min"))
    snapshot = station_snapshot(read(tmp_path, tighter), read(tmp_path, tighter).devices[1])
    assert snapshot["supervision"] == {"hash_rate_share_min": 0.6, "invalid_share_max": 0.2}
    assert snapshot["device"]["supervision"] == {"voltage_error_mv_max": 60}


@pytest.mark.parametrize(
    ("old", "new", "said", "hint"),
    [
        (MAX, "frequency_max = 250", "line 28, [[device]] 1, limits: there is no key", "mhz_max?"),
        (MAX, "frequency_mhz_max = inf", "finite", ""),
        (MAX, "frequency_mhz_max = nan", "finite", ""),
        (MAX, "frequency_mhz_max = 9e99", "1200", "schema"),
        (MAX, "frequency_mhz_max = 1" + "0" * 400, "frequency_mhz_max = 1000", "schema"),
        (MAX, "frequency_mhz_max = 1" + "0" * 5000, "no TOML", "init"),
        (MAX, "frequency_mhz_max = true", "number", ""),
        (MAX, 'frequency_mhz_max = "250"', "number", ""),
        ("mv_max = 1250", "mv_max = 1.25", "line 43, [[device]] 2, limits: voltage_mv_max = 1.25", ""),
        ("voltage_mv_min = 1100", "voltage_mv_min = 1300", "is above voltage_mv_max", ""),
        ('kind = "passive"', 'kind = "air"', "[[device]] 1, cooling: kind = 'air'", ""),
        ('kind = "passive"', 'kint = "passive"', "there is no key kint", "kind?"),
        ('board = "bare"', 'board = "bitaxe"', "'bitaxe-ultra'", ""),
        ("[station]", "[sation]", "there is no key sation", "station?"),
        ('name = "bench-1"', "", "name is missing", "init"),
        ('url_prefix = "bitaxe-raw:"', "", "which device is meant", ""),
        ('url_prefix = "bitaxe-raw:"', 'url = "serial:/dev/ttyUSB0"', "are the same device", ""),
        ("[[device]]", "[device]", "no TOML", "init"),
        ("[device.limits]", "[device.limits", "line 27", "init"),
        ("# [device.widen", "[device.widen", "", ""),
    ],
)  # fmt: skip
def test_mistakes_are_named_with_line_and_section(
    tmp_path: Path, old: str, new: str, said: str, hint: str
) -> None:
    text = EXAMPLE.replace(old, new)
    assert text != EXAMPLE
    if not said:
        assert read(tmp_path, text).devices
        return
    with pytest.raises(BadFile) as caught:
        read(tmp_path, text)
    assert said in caught.value.message
    assert "station.toml" in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    "line",
    [
        'password = "x"',
        'wifi_pass = "x"',
        'api_key = "x"',
        'pool_wallet = "x"',
        'ssid = "x"',
        'AUTH_TOKEN = "x"',
        'url = "axeos://me:secret@10.0.0.9"',
        'url = "axeos:me:secret@10.0.0.9"',
        'url = "luxos:10.0.0.9?password=x"',
    ],
)
def test_there_is_no_place_for_a_password(tmp_path: Path, line: str) -> None:
    with pytest.raises(BadFile) as caught:
        read(tmp_path, HEAD + f"[[device]]\n{line}\n")
    assert "line 4" in caught.value.message
    assert "stored in captures" in caught.value.message
    assert "environment" in caught.value.hint
    assert "secret" not in caught.value.message.replace("looks like a secret", "")


def test_a_limit_in_both_tables_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="voltage_mv_max stands under limits and widen_beyond_built_in"):
        read(tmp_path, EXAMPLE.replace("# [device.widen", "[device.widen").replace("# voltage", "voltage"))


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"[" * 3000, b"a = " + b"[" * 3000, b"#" * ((1 << 20) + 1), b""]
)
def test_what_is_no_station_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "station.toml"
    path.write_bytes(content)
    with pytest.raises(BadFile, match=r"station\.toml"):
        load_station(path)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no station file"):
        load_station(tmp_path / "none.toml")
    with pytest.raises(BadFile, match="cannot be read"):
        load_station(tmp_path)


TEXTS = st.text(string.printable, max_size=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(["station", "device", "name", "url", "limits", "cooling", "frequency_mhz_max", "x"])


@settings(max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(KEYS, VALUES | st.dictionaries(KEYS, VALUES) | st.lists(st.dictionaries(KEYS, VALUES)))
)
def test_junk_is_always_explained(tmp_path: Path, content: dict[str, Any]) -> None:
    try:
        read(tmp_path, as_toml(content))
    except BadFile as error:
        assert error.message


def as_toml(value: dict[str, Any]) -> str:
    return "\n".join(f"{json.dumps(key)} = {inline(inner)}" for key, inner in value.items())


def inline(value: Any) -> str:
    match value:
        case dict():
            return (
                "{" + ", ".join(f"{json.dumps(key)} = {inline(inner)}" for key, inner in value.items()) + "}"
            )
        case list():
            return "[" + ", ".join(inline(inner) for inner in value) + "]"
        case float():
            return repr(value)
        case _:
            return json.dumps(value) if value is not None else '"none"'


def test_lines_of_keys() -> None:
    text = "a = 1\n[t]\nb.c = 2\n[[d]]\nx = 1\n[d.l]\ny = { z = 3 }\n[[d]]\n[d.l]\ny = 4\n"
    assert line_of(text, ("a",)) == 1
    assert line_of(text, ("t", "b", "c")) == 3
    assert line_of(text, ("d", 0, "x")) == 5
    assert line_of(text, ("d", 0, "l", "y", "z")) == 7
    assert line_of(text, ("d", 1, "l", "y")) == 10
    assert line_of(text, ("d", 1, "absent")) == 8
    assert line_of(text, ("absent",)) is None


def found(station: Station, url: str) -> int | None:
    device = station.device_for(url)
    return None if device is None else station.devices.index(device)


def test_which_entry_a_url_means(tmp_path: Path, resolver: list[str]) -> None:
    port = tmp_path / "ttyS0"
    port.touch()
    text = HEAD + "".join(
        f"[[device]]\n{line}\n"
        for line in (
            'url = "serial:/dev/ttyUSB0"',
            'url = "serial:/dev/ttyUSB1?chip=bm1387"',
            'url = "serial:/dev/ttyUSB1?chip=bm1366"',
            'url_prefix = "sim:"',
            'url = "bitaxe-raw:/dev/ttyACM0,/dev/ttyACM1"',
            'url = "axeos://10.0.0.9"',
            'url = "axeos://Bitaxe.local:80"',
            'url_prefix = "goldshell://192.168.1."',
        )
    )
    station = read(tmp_path, text)
    for url, expected in {
        "serial:/dev/ttyUSB0": 0,
        "serial:/dev/ttyUSB0?chip=bm1366&baud=9600": 0,
        "serial:/dev/ttyUSB00": None,
        "serial:/dev/ttyUSB1?baud=9600&chip=bm1387": 1,
        "serial:/dev/ttyUSB1?chip=bm1366": 2,
        "serial:/dev/ttyUSB1": 2,  # the usual chip
        "serial:/dev/ttyUSB1?chip=BM1387": 1,
        "serial:/dev/ttyUSB1?chip=bm1370": None,
        "sim:bm1366?seed=2": 3,
        "bitaxe-raw:/dev/ttyACM0,/dev/ttyACM1?board=ultra": 4,
        "bitaxe-raw:/dev/ttyACM1,/dev/ttyACM0": None,
        "axeos:10.0.0.9": 5,
        "axeos:10.0.0.9:80/": 5,
        "axeos://10.0.0.9:8080": None,
        "axeos://bitaxe.LOCAL./": 6,
        "cgminer://bitaxe.local": None,
        "goldshell:192.168.1.7": 7,
        "cgminer://10.0.0.9": None,
        "": None,
    }.items():
        assert found(station, url) == expected, url


KNOWN = {"localhost": ["127.0.0.1", "::1"], "lv06.lan": ["::ffff:10.0.0.9"], "other.lan": ["10.0.0.8"]}


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Knows `KNOWN`, leaves `silent.lan` without an answer until the test is over; what it was asked."""
    asked: list[str] = []
    over = threading.Event()

    def resolve(host: str, *arguments: object, **options: object) -> object:
        asked.append(host)
        if host == "silent.lan":
            over.wait(60)
        if host not in KNOWN:
            raise socket.gaierror(-2, "Name or service not known")
        return [(0, 0, 0, "", (address, 0)) for address in KNOWN[host]]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    yield asked
    over.set()


@pytest.mark.parametrize(
    ("entry", "url", "is_meant"),
    [
        ('url = "axeos://localhost"', "axeos://127.0.0.1", True),
        ('url = "axeos://127.0.0.1:80"', "axeos://LOCALHOST./?user=a", True),
        ('url = "axeos://localhost"', "axeos:[::1]:80", True),
        ('url = "axeos://[0:0::1]"', "axeos://localhost", True),
        ('url = "axeos://10.0.0.9"', "axeos://lv06.lan", True),
        ('url = "axeos://[::ffff:10.0.0.9]"', "axeos://10.0.0.9", True),
        ('url = "axeos://LV06.lan."', "axeos://10.0.0.9:80", True),
        ('url = "axeos://localhost?board=lv06"', "axeos://127.0.0.1?board=LV06", True),
        ('url = "axeos://localhost?board=lv06"', "axeos://127.0.0.1", False),
        ('url = "axeos://localhost"', "axeos://127.0.0.1:8080", False),
        ('url = "axeos://localhost"', "goldshell://127.0.0.1", False),
        ('url = "axeos://localhost"', "axeos://127.0.0.2", False),
        ('url = "axeos://lv06.lan"', "axeos://other.lan", False),
        ('url_prefix = "axeos://10.0.0."', "axeos://lv06.lan", True),
        ('url_prefix = "AXEOS:10.0.0.9:80"', "axeos://lv06.lan", True),
        ('url_prefix = "axeos://[::1]"', "axeos://localhost:8080", True),
        ('url_prefix = "axeos://10.0.1."', "axeos://lv06.lan", False),
    ],
)
def test_a_miner_is_known_by_name_and_by_address(
    entry: str, url: str, is_meant: bool, tmp_path: Path, resolver: list[str]
) -> None:
    station = read(tmp_path, HEAD + f"[[device]]\n{entry}\n[device.limits]\n{MAX}\n")
    assert found(station, url) == (0 if is_meant else None)
    assert found(station, url) == (0 if is_meant else None)
    assert len(resolver) == len(set(resolver)), "each name is looked up once"
    limits = Circumstances(station).limits(url).envelope("lv06", "BM1366")
    assert limits.frequency_mhz.high == (250 if is_meant else 575)


def test_a_host_that_cannot_be_looked_up_is_told(
    tmp_path: Path, resolver: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = '[[device]]\nname = "one"\nurl = "axeos://{}"\n'
    for host, why in (("gone.lan", "not known"), ("silent.lan", r"no answer within 0\.05 s")):
        station = read(tmp_path, HEAD + one.format(host))
        with pytest.raises(UsageError, match=f"'one': {host}: .*{why}"):
            station.device_for("axeos://10.0.0.9")
        assert found(station, f"axeos://{host}") == 0
        assert Circumstances(station).remarks(f"axeos://{host}") == []
        assert found(station, "axeos://10.0.0.9:8080") is None
        station = read(tmp_path, HEAD + one.format(host) + '[[device]]\nurl = "axeos://10.0.0.9"\n')
        assert found(station, "axeos://10.0.0.9") == 1
        (remark,) = Circumstances(station).remarks("axeos://10.0.0.9")
        assert f"'one': {host}: " in remark
        with pytest.raises(DeviceError, match=r"typo\.lan is no address, and no name"):
            station.device_for("axeos://typo.lan")
        monkeypatch.setattr(name_lookup, "WITHIN_S", 0.05)  # for the one that does not answer


def test_one_miner_by_name_and_by_address_is_two_entries_for_it(tmp_path: Path, resolver: list[str]) -> None:
    station = read(
        tmp_path, HEAD + "".join(f'[[device]]\nurl = "axeos://{h}"\n' for h in ("lv06.lan", "10.0.0.9"))
    )
    with pytest.raises(UsageError, match=r"is meant by 'axeos://lv06\.lan' and by 'axeos://10\.0\.0\.9'"):
        station.device_for("axeos://10.0.0.9")


def test_a_url_that_names_no_miner_is_refused(tmp_path: Path) -> None:
    for url in ("axeos://10.0.0.9:99999", "axeos://a b", "AXEOS://10.0.0.9", "luxos://"):
        with pytest.raises(BadFile, match=r"\[\[device\]\] 1: url does not name a miner"):
            read(tmp_path, HEAD + f'[[device]]\nurl = "{url}"\n')


def test_a_port_is_known_by_whatever_name(tmp_path: Path) -> None:
    descriptor, other_end = os.openpty()
    name = os.ttyname(other_end)
    alias = Path("/dev/shm") / f"asicrc-test-{os.getpid()}"
    alias.symlink_to(name)
    try:
        station = read(tmp_path, HEAD + f'[[device]]\nurl = "serial:{alias}"\n')
        assert found(station, f"serial:{name}?chip=bm1366") == 0
    finally:
        alias.unlink()
        os.close(descriptor)
        os.close(other_end)


def test_an_adapter_is_known_by_its_serial_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = [
        SimpleNamespace(device="/dev/ttyUSB7", serial_number="A10ABC"),
        SimpleNamespace(device="/dev/ttyUSB8", serial_number=None),
        SimpleNamespace(device="/dev/ttyACM3", serial_number="30:30:F9:00:11:22"),
    ]
    monkeypatch.setattr(station_match.list_ports, "comports", lambda: ports)
    text = HEAD + '[[device]]\nusb_serial = "A10ABC"\n[[device]]\nusb_serial = "30:30:F9:00:11:22"\n'
    station = read(tmp_path, text)
    assert found(station, "serial:/dev/ttyUSB7?chip=bm1366") == 0
    assert found(station, "serial:/dev/ttyUSB8") is None
    assert found(station, "bitaxe-raw:/dev/ttyACM2,/dev/ttyACM3") == 1
    assert found(station, "replay:A10ABC") is None
    assert station_snapshot(station, station.devices[0])["device"]["usb_serial"] == "A10ABC"
    assert "30:30" not in json.dumps(station_snapshot(station, station.devices[1]))


def test_two_entries_for_one_device_are_an_error(tmp_path: Path) -> None:
    text = (
        HEAD + '[[device]]\nname = "one"\nurl = "sim:bm1366"\n[[device]]\nname = "all"\nurl_prefix = "sim:"\n'
    )
    station = read(tmp_path, text)
    assert found(station, "sim:bm1387") == 1
    with pytest.raises(UsageError) as caught:
        station.device_for("sim:bm1366?seed=1")
    assert "'one' and by 'all'" in caught.value.message


def test_what_goes_into_the_capture(tmp_path: Path) -> None:
    station = read(tmp_path, EXAMPLE)
    snapshot = json.loads(json.dumps(station_snapshot(station, station.devices[1])))
    assert snapshot["file"] == "station.toml"
    assert len(snapshot["sha256"]) == 64
    assert snapshot["station"]["location"] == "cellar, 18 to 22 degC"
    assert snapshot["device"]["limits"]["fan_percent_min"] == 50
    assert snapshot["device"]["cooling"]["kind"] == "fan"
    assert str(tmp_path) not in json.dumps(snapshot)
    assert station_snapshot(station)["device"] is None


def test_where_the_file_is_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home, here, named = tmp_path / "home", tmp_path / "here", tmp_path / "mine.toml"
    (home / ".config" / "asicrc").mkdir(parents=True)
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("ASICRC_STATION", raising=False)
    assert find_station() is None
    at_home = home / ".config" / "asicrc" / "station.toml"
    at_home.touch()
    assert find_station() == at_home
    Path("station.toml").touch()
    assert find_station() == Path("station.toml")
    monkeypatch.setenv("ASICRC_STATION", str(named))
    with pytest.raises(UsageError, match="not there"):
        find_station()
    named.touch()
    assert find_station() == named


def test_widening_shows_only_with_the_flag_and_errors_do_not_hide_each_other(tmp_path: Path) -> None:
    text = HEAD + (
        '[[device]]\nname = "wide"\nurl = "sim:bitaxe-gamma"\n'
        "[device.widen_beyond_built_in]\nvoltage_mv_max = 1300\n"
        '[[device]]\nname = "wrong"\nurl = "sim:bm1366"\n[device.limits]\nvoltage_mv_max = 1200\n'
        '[[device]]\nname = "unknown"\nurl = "serial:/dev/ttyS0"\n[device.limits]\nfrequency_mhz_max = 9\n'
    )
    station = read(tmp_path, text)
    plain, wrong, unknown = checked_devices(station)
    assert plain.in_force is not None
    assert plain.in_force.limits()["voltage_mv_max"] == 1250
    assert wrong.error is not None
    assert "no effect" in wrong.error.message
    assert (unknown.error, unknown.in_force, unknown.board, unknown.chip) == (None, None, "bare", None)
    wide, _, _ = checked_devices(station, allow_beyond=True)
    assert wide.in_force is not None
    assert wide.in_force.limits()["voltage_mv_max"] == 1300
    assert wide.as_json()["beyond_built_in"] == {"voltage_mv_max": 1250.0}


def test_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("ASICRC_STATION", raising=False)
    assert _run(["station", "check"]) == 2
    assert _run(["station", "init"]) == 0
    before = Path("station.toml").read_text()
    assert before == EXAMPLE
    assert _run(["station", "init"]) == 2
    assert Path("station.toml").read_text() == before
    assert _run(["station", "init", "no/such/folder.toml"]) == 6
    capsys.readouterr()
    assert _run(["station", "check", "--json"]) == 0
    shown = capsys.readouterr()
    (line,) = shown.out.splitlines()
    report = json.loads(line)
    assert report["devices"][1]["limits"]["power_w_max"] == {"built_in": 25, "station": 20, "in_force": 20}
    assert shown.err == ""
    assert _run(["station", "check"]) == 0
    assert "temperature_c_max                     72        65        65" in capsys.readouterr().out
    assert _run(["station", "schema"]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert schema["additionalProperties"] is False
    assert "frequency_mhz_max" in schema["$defs"]["Limits"]["properties"]


def test_a_limit_beyond_the_envelope_is_shown_and_gives_exit_code_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "station.toml"
    path.write_text(HEAD + '[[device]]\nurl = "sim:bm1366"\n[device.limits]\nfrequency_mhz_max = 700\n')
    assert _run(["station", "check", str(path)]) == 2
    shown = capsys.readouterr()
    assert "frequency_mhz_max = 700 MHz in station.toml goes beyond 575 MHz" in shown.err
    assert BEYOND_FLAG in shown.err
    assert "frequency_mhz_max                    575       700         -" in shown.out
    assert _run(["station", "check", str(path), "--json"]) == 2
    (device,) = json.loads(capsys.readouterr().out)["devices"]
    assert device["error"]["code"] == "usage"


def test_limits_of_a_device_that_brings_its_own_are_refused(tmp_path: Path) -> None:
    url = "twin:lv06?kind=ideal"
    text = HEAD + '[[device]]\nurl_prefix = "twin:"\n[device.limits]\ntemperature_c_max = 60\n'
    station = read(tmp_path, text)
    with (
        pytest.raises(UsageError, match="temperature_c_max for twin:lv06"),
        open_device(url, Circumstances(station)),
    ):
        pass
    with (
        pytest.raises(UsageError, match="--allow-beyond-envelope for stratum:"),
        open_device("stratum://127.0.0.1:0", Circumstances(None, allow_beyond=True)),
    ):
        pass

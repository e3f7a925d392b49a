"""The archive of a check: what is in it, what is not, and what becomes of a forged one."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import pytest

from asicrc.devices.bundle import HIDDEN, MANIFEST, WIRE, read_bundle, redacted, write_bundle
from asicrc.errors import BadFile, StorageError, UsageError
from asicrc.transports.recording import WireRecord
from firmware_protocols.device import Direction, Stamp, WireChunk


def record() -> WireRecord:
    kept = WireRecord()
    kept.add("chip", WireChunk(Direction.TX, Stamp(5_000_000_100), b"\x55\xaa"))
    kept.add("chip", WireChunk(Direction.RX, Stamp(5_000_000_300), b"\xaa\x55"))
    kept.session = "work"
    kept.add("control", WireChunk(Direction.TX, Stamp(5_000_000_900), b"\x01"))
    return kept


REPORT: dict[str, Any] = {"line": "serial:/dev/serial/by-id/usb-FTDI_A50285BI?chip=bm1366", "chips": 1}


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "check.zip"
    write_bundle(path, REPORT, record())
    bundle = read_bundle(path)
    assert bundle.url.scheme == "serial"
    assert bundle.url.options == {"chip": "bm1366"}
    assert [
        (c.channel, c.chunk.direction, c.chunk.stamp.t_ns, c.chunk.data) for c in bundle.session("check")
    ] == [
        ("chip", Direction.TX, 0, b"\x55\xaa"),
        ("chip", Direction.RX, 200, b"\xaa\x55"),
    ]
    assert [c.chunk.stamp.t_ns for c in bundle.session("work")] == [800]
    assert bundle.manifest["report"]["chips"] == 1
    assert bundle.manifest["chunks"] == 3


def test_nothing_personal_is_in_it(tmp_path: Path) -> None:
    path = tmp_path / "check.zip"
    report = REPORT | {
        "log": ["opened /home/maria/lab/chip.asicrc for AA:BB:CC:12:34:56"],
        "/media/maria/disk": "C:\\no",
        "port": "/dev/ttyUSB3",
        "pair": "bitaxe-raw:/dev/ttyACM0,/dev/ttyACM12?board=ultra",
        "tuple": ("/root/x", 1.5, None),
    }
    write_bundle(path, report, record())
    with zipfile.ZipFile(path) as archive:
        text = "".join(archive.read(name).decode() for name in archive.namelist())
    for secret in ("maria", "A50285BI", "AA:BB:CC", "/root", "/home", "ttyUSB3"):
        assert secret not in text
    manifest = read_bundle(path).manifest["report"]
    assert manifest["port"] == "/dev/ttyUSB"
    assert manifest["pair"] == "bitaxe-raw:/dev/ttyACM,/dev/ttyACM?board=ultra"
    assert HIDDEN in manifest["log"][0]
    assert manifest["tuple"] == ["/hidden", 1.5, None]


def test_what_is_no_path_stays() -> None:
    for text in ("chip=bm1366&time_scale=1.5", "2 of 3", "20261123T180000Z-x.asicrc", "0x00/0xff"):
        assert redacted(text) == text
    assert redacted("serial:/dev/pts/7?chip=bm1366") == "serial:/dev/pts/7?chip=bm1366"


def test_an_existing_file_is_never_replaced(tmp_path: Path) -> None:
    path = tmp_path / "check.zip"
    path.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        write_bundle(path, REPORT, record())
    assert path.read_text() == "mine"
    with pytest.raises(StorageError, match="cannot write"):
        write_bundle(tmp_path / "no folder" / "check.zip", REPORT, record())


def forged(path: Path, manifest: Any, wire: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(MANIFEST, manifest if isinstance(manifest, str) else json.dumps(manifest))
        archive.writestr(WIRE, wire)
    return path


GOOD = {"format": 1, "device_url": "serial:/dev/x?chip=bm1366"}
LINE = {"session": "check", "channel": "chip", "direction": "rx", "t_ns": 0, "hex": "aa55"}


@pytest.mark.parametrize(
    ("manifest", "wire"),
    [
        ("{", b""),
        ([], b""),
        ({"format": 2}, b""),
        ({"format": 1, "device_url": "nothing"}, b""),
        (GOOD, b"\xff\xfe"),
        (GOOD, b"not json\n"),
        (GOOD, json.dumps(LINE | {"t_ns": -1}).encode()),
        (GOOD, json.dumps(LINE | {"t_ns": 1 << 70}).encode()),
        (GOOD, json.dumps(LINE | {"t_ns": 1.5}).encode()),
        (GOOD, json.dumps(LINE | {"hex": "xyz"}).encode()),
        (GOOD, json.dumps(LINE | {"direction": "sideways"}).encode()),
        (GOOD, b"[" * 100_000),
        (GOOD, b"5\n"),
    ],
)
def test_what_no_asicrc_writes_is_refused(tmp_path: Path, manifest: Any, wire: bytes) -> None:
    with pytest.raises(BadFile):
        read_bundle(forged(tmp_path / "forged.zip", manifest, wire))


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "text.zip"
    path.write_text("hello")
    with pytest.raises(BadFile, match="is no bundle"):
        read_bundle(path)
    with pytest.raises(BadFile, match="there is no file"):
        read_bundle(tmp_path / "missing.zip")
    with zipfile.ZipFile(tmp_path / "empty.zip", "w"):
        pass
    with pytest.raises(BadFile, match="is no bundle"):
        read_bundle(tmp_path / "empty.zip")

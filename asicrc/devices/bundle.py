"""A check in one file that can be mailed: every byte with its stamp, versions, answers; nothing personal.

A bundle is a zip archive that a person can read before it leaves the house: `manifest.json`, and `wire.jsonl`
with one line for each read or write, `{"session", "channel", "direction", "t_ns", "hex"}`, where `t_ns`
counts from the first. `bundle:FILE` as a device URL runs the driver against it.
"""

from __future__ import annotations

import json
import platform
import re
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from asicrc import __version__
from asicrc.devices.url import DeviceUrl
from asicrc.errors import BadFile, StorageError, UsageError
from asicrc.transports.recording import MOST_CHUNKS, RecordedChunk, WireRecord
from firmware_protocols.device import Direction, Stamp, WireChunk

FORMAT = 1
MANIFEST, WIRE = "manifest.json", "wire.jsonl"
MOST_MEMBER_BYTES = 128 << 20
LATEST_NS = 1 << 62
HIDDEN = "(hidden)"
_PATH = re.compile(r"(?<![\w.])(?:/[\w.@:+-]+)+/?")
"""A path on the sender's machine: names of users, of disks, serial numbers of adapters."""
_MAC = re.compile(r"\b(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}\b")


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as read. `baud` is by channel, as each line was opened."""

    path: Path
    url: DeviceUrl
    manifest: dict[str, Any]
    chunks: list[RecordedChunk]

    def session(self, name: str) -> list[RecordedChunk]:
        return [chunk for chunk in self.chunks if chunk.session == name]


def write_bundle(path: Path, report: dict[str, Any], record: WireRecord) -> dict[str, Any]:
    """Write the archive of a check and its report (`check_device`); return the manifest.

    Raises UsageError for a file that is there already, StorageError.
    """
    manifest: dict[str, Any] = redacted(
        {
            "format": FORMAT,
            "asicrc_version": __version__,
            "python": platform.python_version(),
            "system": f"{platform.system()} {platform.release()} {platform.machine()}",
            "written": f"{datetime.now(UTC):%Y-%m-%d} UTC",
            "device_url": report["line"],
            "report": report,
            "chunks": len(record.chunks),
            "left_out_bytes": record.left_out_bytes,
        }
    )
    start_ns = record.chunks[0].chunk.stamp.t_ns if record.chunks else 0
    lines = "".join(json.dumps(_line(recorded, start_ns)) + "\n" for recorded in record.chunks)
    try:
        with zipfile.ZipFile(path, "x", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(MANIFEST, json.dumps(manifest, indent=1, default=str) + "\n")
            archive.writestr(WIRE, lines)
    except FileExistsError:
        raise UsageError(f"{path} exists already", "choose another name for the bundle") from None
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}", "check the folder and its space"
        ) from None
    return manifest


def read_bundle(path: Path) -> Bundle:
    """Read somebody's archive. Raises BadFile for what is none, with what is wrong with it."""
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = json.loads(_member(archive, MANIFEST))
            lines = _member(archive, WIRE).decode("ascii").splitlines()
    except FileNotFoundError:
        raise BadFile(f"there is no file {path}", "check the path") from None
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, RuntimeError) as error:
        raise BadFile(
            f"{path} is no bundle: {error}", "bundles are written by `asicrc check --bundle`"
        ) from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise BadFile(f"{path} is a bundle of a format that this asicrc does not read", "upgrade asicrc")
    if len(lines) > MOST_CHUNKS:
        raise BadFile(f"{path} holds more than {MOST_CHUNKS} reads and writes", "it was made to be too large")
    try:
        url = DeviceUrl.parse(str(manifest.get("device_url")))
        chunks = [_chunk(json.loads(line)) for line in lines]
    except UsageError as error:
        raise BadFile(f"{path}: {error.message}", "the file is damaged or was altered") from None
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BadFile(
            f"{path} holds an entry that no asicrc writes: {error}", "the file is damaged"
        ) from None
    return Bundle(path, url, manifest, chunks)


def redacted(value: Any) -> Any:
    """The same value without paths of this machine and addresses of network cards, in keys and strings."""
    if isinstance(value, str):
        return _MAC.sub(HIDDEN, _PATH.sub(_hidden_path, value))
    if isinstance(value, dict):
        return {str(redacted(key)): redacted(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [redacted(item) for item in value]
    return value


def _hidden_path(match: re.Match[str]) -> str:
    """A port keeps its kind, which tells the adapter's driver; a pseudo-terminal is nobody's."""
    kind = re.match(r"/dev/(tty[A-Za-z]+|pts/\d+)\d*$", match[0])
    return f"/dev/{kind[1]}" if kind else "/hidden"


def _line(recorded: RecordedChunk, start_ns: int) -> dict[str, Any]:
    chunk = recorded.chunk
    return {
        "session": recorded.session,
        "channel": recorded.channel,
        "direction": chunk.direction.value,
        "t_ns": chunk.stamp.t_ns - start_ns,
        "hex": chunk.data.hex(),
    }


def _chunk(entry: dict[str, Any]) -> RecordedChunk:
    t_ns = entry["t_ns"]
    if type(t_ns) is not int or not 0 <= t_ns < LATEST_NS:
        raise ValueError(f"{t_ns!r} is no time of a recording")
    chunk = WireChunk(Direction(entry["direction"]), Stamp(t_ns), bytes.fromhex(entry["hex"]))
    return RecordedChunk(str(entry["session"]), str(entry["channel"]), chunk)


def _member(archive: zipfile.ZipFile, name: str) -> bytes:
    if archive.getinfo(name).file_size > MOST_MEMBER_BYTES:
        raise ValueError(f"{name} has more than {MOST_MEMBER_BYTES >> 20} MiB")
    with archive.open(name) as member:
        data = member.read(MOST_MEMBER_BYTES + 1)  # the size that is stated need not be the one that comes
    if len(data) > MOST_MEMBER_BYTES:
        raise ValueError(f"{name} has more than {MOST_MEMBER_BYTES >> 20} MiB")
    return data

"""What the page of every capture has: provenance, settings, readings, log, how to run it again."""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from asicrc.capture.point_capture import PointCapture
from asicrc.capture.reader import Capture
from asicrc.capture.recheck import VerifyReport
from asicrc.capture.schema import DIGEST_KEY, END_REASON_KEY, RESTORED_KEY
from asicrc.report.html.number_text import NOTHING, duration, exact, number
from asicrc.report.html.page import Block, Column, Command, Notice, Pairs, Section, Table, Text, Tile
from asicrc.report.readings_figure import BACK_S
from firmware_protocols.device import NO_TIME, Reading, Setting

MOST_LOG_LINES = 1000
MOST_SETTINGS = 400
ABOUT = ("asicrc_version", "python", "numpy", "platform", "seed")
_WORDS = {
    "asicrc_version": "asicrc",
    "python": "Python",
    "numpy": "numpy",
    "platform": "platform",
    "seed": "seed of the work",
}
_KINDS = {"original": "before the capture", "set": "set", "restored": "put back", "made_safe": "made safe"}
_CALM_LEVELS = ("info", "debug")


def facts_of(capture: Capture, summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    identity = capture.identity
    device = summary.get("device_url") or (identity.model if identity else "imported data")
    facts = [("device", str(device))]
    of_sweep = "sweep " if isinstance(capture, PointCapture) else ""
    if summary.get("started"):
        facts.append((f"{of_sweep}begun", str(summary["started"])))
    facts.append((f"{of_sweep}length", duration(summary.get("duration_s"))))
    facts.append(("state", "sealed" if capture.sealed else "not sealed"))
    return facts


def notices_of(capture: Capture, verified: VerifyReport) -> list[Notice]:
    """What a reader has to know first: warnings together, then what is no fault."""
    meta, identity = capture.meta, capture.identity
    counters = verified.counters
    wrong = []
    if verified.digest_ok is False:
        wrong.append("The digest does not fit the content: the file was changed after it was sealed.")
    if verified.disagreements:
        wrong.append(
            f"{number(verified.disagreements)} stored verdicts differ from what hashing again gives: do not "
            "trust this file."
        )
    if not capture.sealed:
        wrong.append(
            "The capture is not sealed: it is being written, or its session was killed. The numbers are of "
            "what was in the file when this was made."
        )
    if meta.get(RESTORED_KEY) is False:
        wrong.append("The device was not put back to the settings that it had before.")
    if counters.malformed:
        wrong.append(f"{number(counters.malformed)} of {number(counters.events)} events are malformed.")
    if verified.damaged_frames:
        wrong.append(f"{number(verified.damaged_frames)} frames were damaged on the line.")
    loud = [line for line in capture.log() if line.level not in _CALM_LEVELS]
    wrong += [f"{line.level}: {line.text}" for line in loud[:10]]
    if len(loud) > 10:
        wrong.append(f"{number(len(loud) - 10)} more warnings stand in the log below.")
    notices = [Notice(wrong)] if wrong else []
    if identity is not None and identity.simulated:
        told = "A simulated device: what follows tells of the instrument, not of silicon."
        notices.append(Notice([told], calm=True))
    return notices


def proof_tile(verified: VerifyReport) -> Tile:
    """What there is to count: proofs that hold, or events of a statistical model."""
    counters = verified.counters
    if counters.synthetic and not counters.events:
        return Tile("Events of a statistical model", number(counters.synthetic), "no proof of work")
    beside = f"of {number(counters.events)} events; {number(counters.duplicate)} duplicates"
    return Tile("Valid proofs of work", number(counters.valid), beside)


def provenance(capture: Capture, summary: Mapping[str, Any], verified: VerifyReport) -> Section:
    meta, identity = capture.meta, capture.identity
    digest_said = {True: "fits the content", False: "DOES NOT fit the content", None: "not sealed, none yet"}
    file = [
        ("file", capture.path.name),
        ("digest (SHA-256)", f"{meta.get(DIGEST_KEY) or NOTHING}: {digest_said[verified.digest_ok]}"),
        (
            "proofs hashed again",
            f"{number(verified.counters.events)} events, {number(verified.disagreements)} disagree with what "
            "is stored",
        ),
        ("ended", str(meta.get(END_REASON_KEY, "not ended"))),
    ]
    file += [(_WORDS[key], plain(meta[key])) for key in ABOUT if key in meta]
    blocks: list[Block] = [Pairs(file, "File and software")]
    if identity is not None:
        said = [
            ("model", identity.model),
            ("family", identity.family),
            ("chips", number(identity.chips)),
            ("chip identifiers", " ".join(f"{chip:#x}" for chip in identity.chip_ids) or NOTHING),
            ("serial number", identity.serial or NOTHING),
            ("firmware", identity.firmware or NOTHING),
            ("simulated", plain(identity.simulated)),
            ("opened as", identity.url),
        ]
        said += [(str(name), plain(value)) for name, value in identity.details.items()]
        blocks.append(Pairs(said, "Device, as it told of itself"))
    for key, title in (
        ("source", "Where the data come from"),
        ("station", "Station"),
        ("plan", "Plan"),
        ("clock", "Clock and stamps"),
        ("jitter_floor", "Jitter floor of the stamps"),
        ("limits", "Limits that every write was held to"),
        ("lag", "How far the storage lagged"),
    ):
        rows = pairs_of(meta.get(key))
        if rows:
            blocks.append(Pairs(rows, title))
    return Section("provenance", "Provenance", blocks)


def settings_section(settings: Sequence[Setting]) -> Section:
    columns = (
        Column("Setting"),
        Column("When"),
        Column("Asked for", "number"),
        Column("Read back", "number"),
        Column("Outcome"),
    )
    rows = [
        (
            made.name,
            _KINDS.get(made.kind, made.kind),
            exact(made.requested),
            exact(made.read_back),
            _outcome(made),
        )
        for made in settings[:MOST_SETTINGS]
    ]
    if not rows:
        return Section("settings", "Settings", [Text("Nothing was set.")])
    rest = len(settings) - len(rows)
    caption = "Settings as they were asked for and as the device read them back; units stand in the names"
    caption += f". The first {len(rows)}; {number(rest)} more are in the file." if rest else "."
    return Section("settings", "Settings", [Table.of(caption, columns, rows, tall=len(rows) > 24)])


def readings_of(capture: Capture) -> list[Reading]:
    """Those of a point of a sweep are what was told while it was recorded."""
    readings = capture.readings()
    if not isinstance(capture, PointCapture):
        return readings
    begun_ns, ended_ns = capture.point.t_start_ns, capture.point.t_end_ns
    return [r for r in readings if begun_ns <= r.t_ns and (ended_ns == NO_TIME or r.t_ns <= ended_ns)]


def readings_table(capture: Capture) -> Table | None:
    by_channel: dict[str, list[float]] = defaultdict(list)
    for reading in readings_of(capture):
        by_channel[reading.channel].append(reading.value)
    rows = []
    for channel, values in by_channel.items():
        known = np.array(values)[np.isfinite(values)]
        if len(known):
            middle = (known.mean(), known.min(), known.max())
            rows.append((channel, *(number(float(value)) for value in middle), number(len(known))))
    if not rows:
        return None
    columns = [Column("Reading"), *(Column(title, "number") for title in ("Mean", "Lowest", "Highest", "n"))]
    when = "while the point was recorded" if isinstance(capture, PointCapture) else "during the capture"
    return Table.of(f"What the device told of itself {when}; units stand in the names.", columns, rows)


def log_section(capture: Capture) -> Section:
    lines = capture.log()
    if not lines:
        return Section("log", "Log", [Text("The log is empty.")])
    stamps = (anchor.monotonic_ns for anchor in capture.anchors())
    begun_ns = next((t for t in stamps if t != NO_TIME), lines[0].t_ns)
    columns = (Column("After start", "number"), Column("Level"), Column("What was said", "words"))
    rows = [
        (
            NOTHING if line.t_ns == NO_TIME else _after_start(line.t_ns - begun_ns),
            line.level,
            line.text,
        )
        for line in lines[-MOST_LOG_LINES:]
    ]
    left = len(lines) - len(rows)
    caption = "Warnings and log of the capture" + (f", the last {len(rows)} lines." if left else ".")
    return Section("log", "Log", [Table.of(caption, columns, rows, tall=len(rows) > 12)])


def _after_start(since_ns: int) -> str:
    """Nothing for a time of another boot, whose clock is before that of the first."""
    return NOTHING if since_ns / 1e9 < -BACK_S else f"{number(max(since_ns, 0) / 1e9, 4)} s"


def again_section(capture: Capture, more: Sequence[Command] = ()) -> Section:
    name = shlex.quote(capture.path.name)
    which = f" --point {capture.point.id}" if isinstance(capture, PointCapture) else ""
    command = capture.meta.get("command")
    blocks: list[Block] = []
    if isinstance(command, list) and command and all(isinstance(word, str) for word in command):
        blocks.append(Command("The command that made the file:", shlex.join(command)))
    blocks += [
        Command("Hash every proof again and check the seal:", f"asicrc verify {name}"),
        *more,
        Command("Make this report again:", f"asicrc report {name}{which}"),
    ]
    return Section("again", "How to run it again", blocks)


def pairs_of(value: object) -> list[tuple[str, str]]:
    """What a file holds under a key, as rows; one without a name where it is no object."""
    if value in (None, "", [], {}):
        return []
    if not isinstance(value, dict):
        return [("stated", plain(value))]
    return [(str(name), plain(held)) for name, held in value.items() if held not in (None, "", [], {})]


def plain(value: object) -> str:
    """Anything that a file may hold, in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None or value == [] or value == {}:
        return NOTHING
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return exact(float(f"{value:.6g}"))
    if isinstance(value, dict):
        return ", ".join(f"{name} {plain(held)}" for name, held in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(plain(item) for item in value)
    return str(value)


def _outcome(made: Setting) -> str:
    if made.read_back is None:
        return "not confirmed"
    if made.requested is None:
        return "as found"
    return "as asked" if made.came_true else "differs"

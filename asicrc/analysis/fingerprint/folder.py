"""A population on disk: one folder for each device, with its captures."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from asicrc.analysis.fingerprint.profile import profile_of
from asicrc.analysis.fingerprint.recording import Recording, recordings_of
from asicrc.analysis.fingerprint.study import REFERENCE, Session
from asicrc.capture.reader import load
from asicrc.errors import NoAnswer, UsageError
from asicrc.evidence import Source
from asicrc.evidence.two_verdicts import source_of

MOST_CAPTURES = 100_000
_COMPARED = ("frequency_mhz", "voltage_mv", "hash_counting_number")
"""Settings that make a condition."""


def read_folder(folder: Path) -> tuple[dict[str, list[Session]], dict[str, str], Source]:
    """Sessions of each device, by the names of the folders; what was left out, and why; what the data are of.

    The reference condition is the settings of most recordings; others are named by what they differ in.
    Raises UsageError for a folder without folders of captures, BadFile for a file that is no capture.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", "one folder for each device in it, with its captures")
    paths = {
        entry.name: sorted(entry.glob("*.asicrc")) for entry in sorted(folder.iterdir()) if entry.is_dir()
    }
    paths = {name: found for name, found in paths.items() if found}
    if not paths or sum(map(len, paths.values())) > MOST_CAPTURES:
        raise UsageError(
            f"{folder} has {len(paths)} folders with captures in them",
            "FOLDER/DEVICE/*.asicrc, one folder for each device",
        )
    recordings: dict[str, list[Recording]] = {}
    left_out: dict[str, str] = {}
    sources = set()
    for name, found in paths.items():
        recordings[name] = []
        for path in found:
            with load(path) as capture:
                sources.add(source_of(capture.meta))
                try:
                    recordings[name] += recordings_of(capture, f"{name}/{path.name}")
                except NoAnswer as error:
                    left_out[f"{name}/{path.name}"] = error.message
    usual = _usual([r.conditions() for all_ in recordings.values() for r in all_])
    sessions: dict[str, list[Session]] = {}
    for name, all_ in recordings.items():
        sessions[name] = []
        for recording in all_:
            try:
                profile = profile_of(recording)
            except NoAnswer as error:
                left_out[recording.name] = error.message
            else:
                sessions[name].append(Session(_condition(profile.conditions, usual), profile))
    # one twin among them makes it a study of twins: such a population proves nothing of silicon
    source = Source.TWIN if Source.TWIN in sources else next(iter(sources))
    return sessions, left_out, source


def _usual(conditions: list[dict[str, float]]) -> dict[str, float]:
    keys = Counter(tuple(sorted((k, v) for k, v in one.items() if k in _COMPARED)) for one in conditions)
    return dict(keys.most_common(1)[0][0]) if keys else {}


def _condition(found: dict[str, float], usual: dict[str, float]) -> str:
    differs = [
        f"{name} {found[name]:.6g}" if name in found else f"{name} not stated"
        for name in _COMPARED
        if found.get(name) != usual.get(name)
    ]
    return ", ".join(differs) or REFERENCE

"""What is kept of a device that was enrolled: its profile, and digests of the work that it was enrolled with.

A template is JSON, written with mode 0600: whoever can alter it decides which device is taken for which. One
from somebody else is read as what it is, with every size, type and number checked.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from asicrc import __version__
from asicrc.analysis.fingerprint.distance import THRESHOLD, compare_view
from asicrc.analysis.fingerprint.freshness import DIGEST_HEX, MOST_KEPT, digests
from asicrc.analysis.fingerprint.groups import GROUPS, VIEWS, Group
from asicrc.analysis.fingerprint.profile import DeviceKind, Profile, merged, profile_of
from asicrc.analysis.fingerprint.recording import Recording
from asicrc.errors import BadFile, NoAnswer, StorageError, UsageError

FORMAT, VERSION = "asicrc fingerprint template", 1
MODE = 0o600
MOST_BYTES = 16 << 20
MOST_NAMES = 50_000
"""In a group: 189 chips of 114 cores are 21,546."""
LONGEST_TEXT = 2000
_NAME = re.compile(r"[\w ./+:-]{1,100}")
_DIGEST = re.compile(f"[0-9a-f]{{{DIGEST_HEX}}}")
_HINT = "the file is damaged or was altered: enrol the device again"


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """`rejected`, by view, of `tried` of its own recordings would not have been taken for it by a template of
    the others."""

    profile: Profile
    work: frozenset[str]
    tried: int
    rejected: dict[str, int]

    @property
    def name(self) -> str:
        return self.profile.name

    def as_json(self) -> dict[str, Any]:
        return self.profile.as_json() | {
            "version": VERSION,
            "jobs_remembered": len(self.work),
            "own_recordings_tried": self.tried,
            "own_recordings_rejected": self.rejected,
        }


def enrol(recordings: Sequence[Recording], name: str) -> Template:
    """The recordings have to be of one device, which nothing in them proves.

    Raises NoAnswer for recordings of different kinds, or with too few proofs; UsageError for a name that is
    none.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(f"{name!r} is no name of a device", "letters, digits and . _ - up to 100")
    if not recordings:
        raise UsageError("no recording to enrol", "give one capture or more")
    profiles = [profile_of(recording) for recording in recordings]
    whole = merged(profiles, name)
    if not whole.groups:
        raise NoAnswer("nothing of these recordings could be told", "; ".join(whole.unanswered.values()))
    rejected = dict.fromkeys(VIEWS, 0)
    if len(profiles) > 1:
        for left_out, profile in enumerate(profiles):
            rest = merged([p for k, p in enumerate(profiles) if k != left_out], name)
            for view in VIEWS:
                score = compare_view(rest.groups, [profile.groups], view, whole.spread).score[0]
                rejected[view] += int(score > THRESHOLD)
    tried = len(profiles) if len(profiles) > 1 else 0
    return Template(whole, frozenset(digests(recordings)), tried, rejected)


def write_template(template: Template, path: Path) -> None:
    """Raises UsageError where there is a file already, StorageError where it cannot be written."""
    profile = template.profile
    content = {
        "format": FORMAT,
        "version": VERSION,
        "asicrc_version": __version__,
        "name": profile.name,
        "kind": profile.kind._asdict(),
        "conditions": profile.conditions,
        "recordings": profile.recordings,
        "proofs": profile.proofs,
        "synthetic": profile.synthetic,
        "groups": {
            name: {
                "names": list(group.names),
                "values": group.values.tolist(),
                "errors": group.errors.tolist(),
                "absent": None if group.absent is None else list(group.absent),
            }
            for name, group in profile.groups.items()
        },
        "spread": profile.spread,
        "unanswered": profile.unanswered,
        "tried": template.tried,
        "rejected": template.rejected,
        "work": sorted(template.work),
    }
    data = (json.dumps(content, allow_nan=False) + "\n").encode()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, MODE)
    except FileExistsError:
        raise UsageError(f"{path} is there already", "give another name, or move it away") from None
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}", "check the folder") from None
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(file.fileno(), MODE)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with suppress(OSError):
            path.unlink()
        raise StorageError(f"cannot write {path}: {error.strerror}", "is the disk full?") from None


def read_template(path: Path) -> Template:
    """Raises BadFile, with what is wrong, for anything that `write_template` does not write."""
    content = read_json(path, MOST_BYTES, "a template")
    if content.get("format") != FORMAT:
        raise BadFile(f"{path} is no template", "`asicrc puf enroll CAPTURE -o TEMPLATE` writes one")
    version = content.get("version")
    if type(version) is not int or version != VERSION:
        raise BadFile(
            f"{path} is a template of version {version!r}, this asicrc reads {VERSION}",
            "enrol the device again, or use the version of asicrc that wrote it",
        )
    try:
        return _template(content)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise BadFile(f"{path}: {error}", _HINT) from None


def read_json(path: Path, most_bytes: int, called: str) -> dict[str, Any]:
    """One JSON object of finite numbers. Raises BadFile."""
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise BadFile(f"{path} cannot be read: {error.strerror}", f"give the file of {called}") from None
    if len(data) > most_bytes:
        raise BadFile(f"{path} has more than {most_bytes >> 20} MiB", f"that is not {called}")
    try:
        content = json.loads(data, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise BadFile(f"{path} is no JSON: {error}", f"that is not {called}") from None
    if not isinstance(content, dict):
        raise BadFile(f"{path} holds no object", f"that is not {called}")
    return content


def number(value: object, low: float = -1e300, high: float = 1e300) -> float:
    """Raises ValueError for what is no number within the bounds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{_short(value)} is no number")
    found = float(value)
    if not (math.isfinite(found) and low <= found <= high):
        raise ValueError(f"{found:g} is not between {low:g} and {high:g}")
    return found


def _template(content: dict[str, Any]) -> Template:
    kind = content["kind"]
    groups = content["groups"]
    if not isinstance(kind, dict) or not isinstance(groups, dict) or not 0 < len(groups) <= len(GROUPS):
        raise ValueError("kind or groups are no objects")
    profile = Profile(
        name=_text(content["name"], _NAME),
        kind=DeviceKind(
            _text(kind["family"]), _text(kind["model"]), _whole(kind["chips"]), _text(kind["scale"])
        ),
        conditions=_numbers(content["conditions"]),
        groups={_known(name): _group(group) for name, group in groups.items()},
        unanswered={_text(k): _text(v) for k, v in _object(content["unanswered"], len(GROUPS)).items()},
        proofs=_whole(content["proofs"]),
        synthetic=_flag(content["synthetic"]),
        recordings=_whole(content["recordings"]),
        spread={_known(k): number(v, 1.0, 1e6) for k, v in _object(content["spread"], len(GROUPS)).items()},
    )
    work = content["work"]
    if not isinstance(work, list) or len(work) > MOST_KEPT:
        raise ValueError(f"work is no list of {MOST_KEPT} digests at most")
    rejected = {
        name: _whole(v) for name, v in _object(content["rejected"], len(VIEWS)).items() if name in VIEWS
    }
    tried = _whole(content["tried"])
    if any(count > tried for count in rejected.values()):
        raise ValueError("more of its own recordings were rejected than tried")
    return Template(profile, frozenset(_text(one, _DIGEST) for one in work), tried, rejected)


def _group(content: object) -> Group:
    held = _object(content, 4)
    names, values, errors, absent = (held[key] for key in ("names", "values", "errors", "absent"))
    if not all(isinstance(column, list) for column in (names, values, errors)):
        raise ValueError("a group without its columns")
    if not len(names) == len(values) == len(errors) or not 0 < len(names) <= MOST_NAMES:
        raise ValueError(f"a group of {len(names)} names, {len(values)} values and {len(errors)} errors")
    if len(set(map(_text, names))) != len(names):
        raise ValueError("a name stands twice in a group")
    if absent is not None and not (isinstance(absent, list) and len(absent) == 2):
        raise ValueError("absent is no pair")
    return Group(
        names=tuple(names),
        values=np.array([number(value, -1e15, 1e15) for value in values]),
        errors=np.array([number(error, 1e-15, 1e15) for error in errors]),
        absent=None if absent is None else (number(absent[0], -1e15, 1e15), number(absent[1], 1e-15, 1e15)),
    )


def _object(value: object, most: int) -> dict[str, Any]:
    if not isinstance(value, dict) or len(value) > most:
        raise ValueError(f"{_short(value)} is no object of {most} entries at most")
    return value


def _numbers(value: object) -> dict[str, float]:
    return {_text(key): number(one) for key, one in _object(value, 100).items()}


def _known(name: object) -> str:
    if name not in GROUPS:
        raise ValueError(f"no group is called {_short(name)}")
    return str(name)


def _text(value: object, form: re.Pattern[str] | None = None) -> str:
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or (form and not form.fullmatch(value)):
        raise ValueError(f"{_short(value)} is not the text that it should be")
    return value


def _whole(value: object) -> int:
    if type(value) is not int or not 0 <= value < 1 << 53:
        raise ValueError(f"{_short(value)} is no count")
    return value


def _flag(value: object) -> bool:
    if type(value) is not bool:
        raise ValueError(f"{_short(value)} is neither true nor false")
    return value


def _short(value: object) -> str:
    return repr(value)[:60]


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no number")

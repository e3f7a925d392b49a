"""The profile of a device: every number of a recording that could tell it from another, with its error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

import numpy as np

from asicrc.analysis.fingerprint.arrival_profile import (
    arrivals,
    core_delays,
    shares,
    telemetry,
    wrong_shares,
)
from asicrc.analysis.fingerprint.distance import aligned, chi_squared
from asicrc.analysis.fingerprint.groups import GROUPS, Floats, Group
from asicrc.analysis.fingerprint.line_times import fit_line, line_times
from asicrc.analysis.fingerprint.places import Places, places
from asicrc.analysis.fingerprint.recording import Recording
from asicrc.errors import NoAnswer
from firmware_protocols.device import DeviceIdentity, NonceBatch

MIN_PROOFS = 100
FEWEST_WRONG = 20
"""Answers that do not hash, in all: below it their share by core says nothing."""
SCALE_OF_AN_EMULATOR = ("zero_bits", "cores", "subcores", "time_scale")
_T = TypeVar("_T")


class DeviceKind(NamedTuple):
    """Profiles of one kind alone can be compared. `scale` is that of an emulated chip."""

    family: str
    model: str
    chips: int
    scale: str = ""

    @classmethod
    def of(cls, identity: DeviceIdentity) -> DeviceKind:
        scale = [
            f"{name} {identity.details[name]}" for name in SCALE_OF_AN_EMULATOR if name in identity.details
        ]
        return cls(identity.family, identity.model, identity.chips, ", ".join(scale))

    def __str__(self) -> str:
        return f"{self.chips} x {self.model} ({', '.join(p for p in (self.family, self.scale) if p)})"


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """`groups` by name, as in `GROUPS`; the others stand in `unanswered` with the reason.

    `spread` is by how much recordings of this device differ beyond their errors, by group, 1 or more; empty
    where there was one recording only.
    """

    name: str
    kind: DeviceKind
    conditions: dict[str, float]
    groups: dict[str, Group]
    unanswered: dict[str, str]
    proofs: int
    synthetic: bool = False
    recordings: int = 1
    spread: dict[str, float] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "kind": str(self.kind),
            "conditions": self.conditions,
            "recordings": self.recordings,
            "proofs": self.proofs,
            "synthetic": self.synthetic,
            "groups": {
                name: {
                    "unit": GROUPS[name].unit,
                    "made_by": GROUPS[name].made_by,
                    "n": len(group),
                    "spread": self.spread.get(name),
                    "median_error": float(np.median(group.errors)),
                }
                for name, group in self.groups.items()
            },
            "unanswered": self.unanswered,
        }


def profile_of(recording: Recording) -> Profile:
    """Raises NoAnswer for fewer than 100 distinct valid proofs."""
    proofs = recording.proofs
    if recording.imported:
        proofs = proofs[np.lexsort((proofs["t_ns"], proofs["segment"]))]
    if len(proofs) < MIN_PROOFS:
        raise NoAnswer(
            f"{recording.name} has {len(proofs)} distinct valid proofs; a profile takes {MIN_PROOFS}",
            "capture for longer, or lower the difficulty",
        )
    unanswered: dict[str, str] = {}
    where = _try(unanswered, "core_delay", lambda: places(recording.identity, proofs))
    groups = _of_cores(recording, proofs, where, unanswered) if where is not None else {}
    if where is None:
        unanswered["core_share"] = unanswered["core_wrong"] = unanswered["core_delay"]
    times = _try(unanswered, "crystal", lambda: line_times(recording, proofs))
    if times is None:
        unanswered["line"] = unanswered["crystal"]
        if where is not None:
            found = _try(unanswered, f"{where.level}_delay", lambda: core_delays(proofs, where))
            groups |= {} if found is None else {f"{where.level}_delay": found}
    elif (fit := _try(unanswered, "line", lambda: fit_line(times, where))) is not None:
        groups["line"] = fit.line
        if fit.crystal is not None:
            groups["crystal"] = fit.crystal
        else:
            unanswered["crystal"] = "the events are due at too few different times"
        if where is not None and fit.cores is not None:
            groups[f"{where.level}_delay"] = fit.cores
    for name, make in (
        ("arrivals", lambda: arrivals(proofs)),
        ("telemetry", lambda: telemetry(recording.readings)),
    ):
        group = _try(unanswered, name, make)
        if group is not None:
            groups[name] = group
    return Profile(
        name=recording.name,
        kind=DeviceKind.of(recording.identity),
        conditions=recording.conditions(),
        groups={name: group for name, group in groups.items() if len(group)},
        unanswered=unanswered,
        proofs=len(proofs),
        synthetic=bool(proofs["synthetic"].all()),
    )


def merged(profiles: Sequence[Profile], name: str) -> Profile:
    """One profile of several recordings of a device: means weighted by their errors, and their spread.

    Contrasts are brought to one level first. Raises NoAnswer for recordings of different kinds of devices.
    """
    first = profiles[0]
    for other in profiles[1:]:
        if other.kind != first.kind:
            raise NoAnswer(
                f"{other.name} is of {other.kind}, {first.name} of {first.kind}",
                "enrol recordings of one device",
            )
    if len(profiles) == 1:
        return Profile(name, first.kind, first.conditions, first.groups, first.unanswered, first.proofs,
                       first.synthetic)  # fmt: skip
    groups, spread = {}, {}
    shared = [name for name in GROUPS if all(name in profile.groups for profile in profiles)]
    for group in shared:
        groups[group], spread[group] = _mean(group, [profile.groups[group] for profile in profiles])
    kept = {key: value for key, value in first.conditions.items()
            if all(profile.conditions.get(key) == value for profile in profiles)}  # fmt: skip
    unanswered = {key: why for profile in profiles for key, why in profile.unanswered.items()}
    for group in {g for profile in profiles for g in profile.groups} - set(shared):
        unanswered.setdefault(group, "not in all of the recordings")
    return Profile(
        name=name,
        kind=first.kind,
        conditions=kept,
        groups=groups,
        unanswered={key: why for key, why in unanswered.items() if key not in groups},
        proofs=sum(profile.proofs for profile in profiles),
        synthetic=any(profile.synthetic for profile in profiles),
        recordings=len(profiles),
        spread=spread,
    )


def _of_cores(
    recording: Recording, proofs: NonceBatch, where: Places, unanswered: dict[str, str]
) -> dict[str, Group]:
    groups = {f"{where.level}_share": shares(where)}
    wrong = recording.wrong
    name = f"{where.level}_wrong"
    if len(wrong) < FEWEST_WRONG:
        unanswered[name] = f"{len(wrong)} answers that do not hash; their share by core takes {FEWEST_WRONG}"
        return groups
    found = _try(unanswered, name, lambda: places(recording.identity, wrong, level=where.level))
    if found is not None:
        groups[name] = wrong_shares(found, where)
    return groups


def _mean(name: str, groups: Sequence[Group]) -> tuple[Group, float]:
    """Weighted mean over recordings, and the factor by which they spread beyond their errors (Birge 1932)."""
    contrast = GROUPS[name].contrast
    names, values, variances = aligned(groups)
    if contrast:
        common = np.isfinite(variances).all(axis=0)
        if not common.any():
            common = np.isfinite(variances).any(axis=0)
        weights = np.where(common, 1 / variances, 0.0)
        values = values - (np.where(weights > 0, values, 0.0) * weights).sum(1, keepdims=True) / np.maximum(
            weights.sum(1, keepdims=True), np.finfo(float).tiny
        )
    weights = 1 / variances
    total = weights.sum(axis=0)
    mean: Floats = (np.where(weights > 0, values, 0.0) * weights).sum(axis=0) / total
    chi2 = df = 0.0
    for a in range(len(groups)):
        for b in range(a):
            pair = chi_squared(values[a], variances[a], values[b : b + 1], variances[b : b + 1], contrast)
            chi2, df = chi2 + float(pair.chi2[0]), df + float(pair.df[0])
    spread = max(1.0, float(np.sqrt(chi2 / df))) if df > 0 else 1.0
    return Group(names, mean, 1 / np.sqrt(total), groups[0].absent), spread


def _try(unanswered: dict[str, str], name: str, make: Callable[[], _T]) -> _T | None:
    try:
        return make()
    except NoAnswer as error:
        unanswered[name] = f"{error.message}; {error.hint}" if error.hint else error.message
        return None

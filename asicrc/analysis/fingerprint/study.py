"""Can devices of one kind be told apart by their timing, and by what of it?

Each device has a template from its first recording and is tried with its others; every other device is an
impostor. Three views: what the chips alone could make (differences between cores), the same with the crystal,
and everything. A population that differs in crystal, firmware and network can be told apart by the last
two, and is not to be by the first. The claim is about the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from asicrc.analysis.fingerprint.distance import THRESHOLD, aligned, chi_squared, compare_view
from asicrc.analysis.fingerprint.error_rates import ErrorRates, Trials, error_rates
from asicrc.analysis.fingerprint.groups import GROUPS, VIEWS, WITHOUT_PPM, Floats
from asicrc.analysis.fingerprint.profile import DeviceKind, Profile
from asicrc.errors import NoAnswer
from asicrc.evidence import EvidenceVerdict, Finding, Instrument, Source, TwoVerdicts, two_verdicts
from asicrc.evidence.binomial import clopper_pearson
from asicrc.evidence.estimate import Estimate

FEWEST_DEVICES = 20
MOST_EQUAL_ERROR = 0.10
QUESTION = "Do differences between cores tell devices apart with an equal-error rate of 10 % or less?"
NEEDED = f"{FEWEST_DEVICES} devices of one kind, twice or more each"


@dataclass(frozen=True, slots=True, eq=False)
class Session:
    """A recording's profile, and in which condition it was taken; `reference` for the usual one."""

    condition: str
    profile: Profile


REFERENCE = "reference"


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """Of recordings in one condition against templates from the reference: share taken for the same, by view.

    The unit of the interval is the device: one whose recordings are not all accepted counts as not.
    """

    condition: str
    recordings: int
    accepted: Mapping[str, Estimate]


@dataclass(frozen=True, slots=True, eq=False)
class Replay:
    """Recordings presented again in answer to fresh work, and fresh ones: how many were called fresh."""

    presented_again: Estimate
    fresh: Estimate


@dataclass(frozen=True, slots=True, eq=False)
class FingerprintStudy:
    """`spread` is by how much a device's own recordings differ beyond their errors, by group; those of the
    groups that are no contrasts are widened by it. `planted` says whether a fingerprint is in twins."""

    kind: DeviceKind
    devices: int
    recordings: int
    rates: Mapping[str, ErrorRates]
    spread: Mapping[str, float]
    reliability: Sequence[Reliability]
    finding: Finding
    verdicts: TwoVerdicts
    devices_for_bound: int | None
    """So many would bring the bound to 10 % if none of their trials went wrong; None without a trial."""
    replay: Replay | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    left_out: Mapping[str, str] = field(default_factory=dict)
    own_scores: Mapping[str, Floats] = field(default_factory=dict)
    other_scores: Mapping[str, Floats] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        return {
            "kind": str(self.kind),
            "devices": self.devices,
            "recordings": self.recordings,
            **self.details,
            "views": {name: rates.as_json() for name, rates in self.rates.items()},
            "uniqueness": {name: rates.identified.as_json() for name, rates in self.rates.items()},
            "impostor": {name: rates.far.as_json() for name, rates in self.rates.items()},
            "reliability": {
                one.condition: {
                    "recordings": one.recordings,
                    **{view: accepted.as_json() for view, accepted in one.accepted.items()},
                }
                for one in self.reliability
            },
            "replay": None
            if self.replay is None
            else {
                "presented_again_called_fresh": self.replay.presented_again.as_json(),
                "fresh_called_fresh": self.replay.fresh.as_json(),
            },
            "spread": dict(self.spread),
            "devices_for_bound": self.devices_for_bound,
            "finding": self.finding.as_json(),
            **self.verdicts.as_json(),
            "left_out": dict(self.left_out),
        }


def study_population(
    devices: Mapping[str, Sequence[Session]],
    *,
    source: Source,
    planted: bool | None = None,
    replay: Replay | None = None,
    details: Mapping[str, Any] | None = None,
    seed: int = 0,
) -> FingerprintStudy:
    """Raises NoAnswer for fewer than three devices of a kind with two recordings in the reference condition.

    `planted` says of twins whether a fingerprint was put in; None where it is not known.
    """
    usable, left_out = _usable(devices)
    kind = next(iter(usable.values()))[0].profile.kind
    reference = {name: [s.profile for s in own if s.condition == REFERENCE] for name, own in usable.items()}
    spread = _spread(list(reference.values()))
    rates: dict[str, ErrorRates] = {}
    trials: dict[str, Trials] = {}
    for view in VIEWS:
        trials[view] = _trials(list(reference.values()), view, spread)
        try:
            rates[view] = error_rates(trials[view], THRESHOLD, seed=seed)
        except ValueError:
            left_out[f"view {view}"] = "no two recordings have anything in common to compare"
    if WITHOUT_PPM not in rates:
        why = next(iter(next(iter(reference.values()))[0].unanswered.values()), "no core is known")
        raise NoAnswer(
            f"nothing of these recordings is of cores: {why}",
            "capture with more events, on chips that name cores",
        )
    finding, devices_for_bound = _finding(rates[WITHOUT_PPM])
    return FingerprintStudy(
        kind=kind,
        devices=len(usable),
        recordings=sum(len(own) for own in usable.values()),
        rates=rates,
        spread=spread,
        reliability=_reliability(usable, spread),
        finding=finding,
        verdicts=_verdicts(finding, source, planted),
        devices_for_bound=devices_for_bound,
        replay=replay,
        details=dict(details or {}),
        left_out=left_out,
        own_scores={view: one.own for view, one in trials.items()},
        other_scores={view: one.other for view, one in trials.items()},
    )


def _usable(
    devices: Mapping[str, Sequence[Session]],
) -> tuple[dict[str, Sequence[Session]], dict[str, str]]:
    kinds = [session.profile.kind for own in devices.values() for session in own]
    if not kinds:
        raise NoAnswer("there are no recordings to compare", NEEDED)
    kind = max(set(kinds), key=kinds.count)
    usable: dict[str, Sequence[Session]] = {}
    left_out: dict[str, str] = {}
    for name, own in devices.items():
        of_kind = [session for session in own if session.profile.kind == kind]
        count = sum(session.condition == REFERENCE for session in of_kind)
        if len(of_kind) < len(own):
            left_out[name] = f"not of {kind}"
        if count < 2:
            left_out[name] = f"{count} recordings in the reference condition; it takes 2"
            continue
        usable[name] = of_kind
    if len(usable) < 3:
        raise NoAnswer(
            f"{len(usable)} devices of {kind} with two recordings or more; a study takes 3", NEEDED
        )
    return usable, left_out


def _spread(reference: Sequence[Sequence[Profile]]) -> dict[str, float]:
    """Factor by which a device's own recordings differ beyond their errors, over all devices; 1 or more."""
    found: dict[str, float] = {}
    for name, kind in GROUPS.items():
        chi2 = df = 0.0
        for own in reference:
            held = [profile.groups[name] for profile in own if name in profile.groups]
            if len(held) < 2:
                continue
            _, values, variances = aligned(held)
            pair = chi_squared(values[0], variances[0], values[1:], variances[1:], kind.contrast)
            chi2, df = chi2 + float(pair.chi2.sum()), df + float(pair.df.sum())
        if df > 0:
            found[name] = max(1.0, float(np.sqrt(chi2 / df)))
    return found


def _widened(spread: Mapping[str, float]) -> dict[str, float]:
    """Contrasts stand with the errors that they have."""
    return {name: factor for name, factor in spread.items() if not GROUPS[name].contrast}


def _trials(reference: Sequence[Sequence[Profile]], view: str, spread: Mapping[str, float]) -> Trials:
    n = len(reference)
    most = max(len(own) for own in reference) - 1
    own, other = np.full((n, most), np.nan), np.full((n, n, most), np.nan)
    probes = [profile.groups for one in reference for profile in one[1:]]
    device = np.concatenate([np.full(len(one) - 1, j) for j, one in enumerate(reference)])
    number = np.concatenate([np.arange(len(one) - 1) for one in reference])
    for i, one in enumerate(reference):
        score = compare_view(one[0].groups, probes, view, _widened(spread)).score
        mine = device == i
        own[i, number[mine]] = score[mine]
        other[i, device[~mine], number[~mine]] = score[~mine]
    return Trials(own, other)


def _reliability(devices: Mapping[str, Sequence[Session]], spread: Mapping[str, float]) -> list[Reliability]:
    conditions = dict.fromkeys(session.condition for own in devices.values() for session in own)
    found = []
    for condition in conditions:
        accepted: dict[str, list[bool]] = {view: [] for view in VIEWS}
        recordings = 0
        for own in devices.values():
            template = next(session.profile for session in own if session.condition == REFERENCE)
            probes = [
                session.profile.groups
                for session in own
                if session.condition == condition and session.profile is not template
            ]
            if not probes:
                continue
            recordings += len(probes)
            for view in VIEWS:
                scores = compare_view(template.groups, probes, view, _widened(spread)).score
                if np.isfinite(scores).any():
                    accepted[view].append(bool(np.all(scores[np.isfinite(scores)] <= THRESHOLD)))
        rates = {
            view: clopper_pearson(sum(outcomes), len(outcomes))
            for view, outcomes in accepted.items()
            if outcomes
        }
        if rates:
            found.append(Reliability(condition, recordings, rates))
    return found


def _verdicts(finding: Finding, source: Source, planted: bool | None) -> TwoVerdicts:
    """What was planted may be too small for the claim: then to refute it is right."""
    found = two_verdicts(finding, source, planted=planted, needs=NEEDED)
    if source is Source.TWIN and planted and finding.verdict is EvidenceVerdict.REFUTED:
        reason = "planted, and too small to tell devices apart in recordings of this length"
        return replace(found, instrument=Instrument.NOT_RESOLVED, reason=f"{reason}; it takes {NEEDED}")
    return found


def _finding(rates: ErrorRates) -> tuple[Finding, int | None]:
    eer = rates.eer
    worth_each = min(rates.trials_worth) / eer.n
    least = 1 - 0.025 ** (1 / max(min(rates.trials_worth), 1e-9))
    trials = float(np.log(0.025) / np.log1p(-MOST_EQUAL_ERROR))
    devices_for_bound = int(np.ceil(max(trials / worth_each, FEWEST_DEVICES))) if worth_each > 0 else None
    if eer.n < FEWEST_DEVICES:
        verdict = EvidenceVerdict.NOT_TESTABLE_HERE
        note = f"{eer.n} devices; the claim takes {FEWEST_DEVICES}"
    elif eer.low > MOST_EQUAL_ERROR:
        verdict, note = EvidenceVerdict.REFUTED, "the whole interval is above 10 %"
    elif eer.high <= MOST_EQUAL_ERROR and rates.alike.p_value <= 0.01:
        verdict, note = EvidenceVerdict.SUPPORTED, "the whole interval is at 10 % or below"
    else:
        verdict = EvidenceVerdict.NOT_RESOLVED
        note = f"the interval reaches across 10 %; without an error it would take {devices_for_bound} devices"
    finding = Finding(
        question=QUESTION,
        effect=eer,
        nulls=[rates.alike],
        smallest_effect=least,
        verdict=verdict,
        note=f"{note}; smallest_effect: the bound that these devices could have reached",
        p_corrected=rates.alike.p_value,
    )
    return finding, devices_for_bound

"""Is this capture of the device that was enrolled?

Three things have to hold: its work is fresh, its profile is no further from the template than the device's
own would be, and another device's would be further. The last is taken from a study of devices of that kind
where there is one. Without, impostors are made from the capture itself by handing its numbers out to other
cores: that holds only as far as devices of a kind do not share a pattern.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from asicrc.analysis.fingerprint.distance import FALSE_REJECTS, THRESHOLD, aligned, chi_squared, compare_view
from asicrc.analysis.fingerprint.freshness import Freshness, freshness
from asicrc.analysis.fingerprint.groups import GROUPS, VIEWS, WITHOUT_PPM, Floats, Group
from asicrc.analysis.fingerprint.profile import Profile, merged, profile_of
from asicrc.analysis.fingerprint.recording import Recording, recordings_of
from asicrc.analysis.fingerprint.template import Template, number, read_json
from asicrc.capture.reader import load
from asicrc.capture.recheck import verify
from asicrc.errors import BadFile, UsageError
from asicrc.evidence import Estimate
from asicrc.evidence.binomial import clopper_pearson
from asicrc.evidence.estimate import finite_or_none

MOST_FALSE_ACCEPTS = 0.10
"""What the claim allows; stricter by choice."""
IMPOSTORS = 999
CRYSTAL_TOLERANCE_PPM = 30.0
"""Of the part, as crystals for such boards are sold (assumed)."""
MOST_STUDY_BYTES = 64 << 20


class Decision(StrEnum):
    ACCEPT = "accept"
    REJECT = "reject"
    NOT_RESOLVED = "not resolved"


@dataclass(frozen=True, slots=True)
class ViewScore:
    """`score` above `threshold` is of another device. `far` and `frr` are None for the reason in `basis`."""

    score: float
    threshold: float
    compared: int
    far: Estimate | None
    frr: Estimate | None
    basis: str

    @property
    def same(self) -> bool | None:
        """None where nothing could be compared."""
        return None if not np.isfinite(self.score) else self.score <= self.threshold

    def as_json(self) -> dict[str, Any]:
        return {
            "score": finite_or_none(self.score),
            "threshold": self.threshold,
            "same": self.same,
            "compared": self.compared,
            "far": None if self.far is None else self.far.as_json(),
            "frr": None if self.frr is None else self.frr.as_json(),
            "basis": self.basis,
        }


@dataclass(frozen=True, slots=True)
class Verification:
    """`reasons` say what the decision rests on."""

    device: str
    capture: str
    decision: Decision
    reasons: tuple[str, ...]
    views: Mapping[str, ViewScore]
    freshness: Freshness
    most_false_accepts: float

    def as_json(self) -> dict[str, Any]:
        return {
            "device": self.device,
            "capture": self.capture,
            "decision": self.decision.value,
            "accepted": self.decision is Decision.ACCEPT,
            "reasons": list(self.reasons),
            "views": {name: view.as_json() for name, view in self.views.items()},
            "freshness": self.freshness.as_json(),
            "most_false_accepts": self.most_false_accepts,
        }


@dataclass(frozen=True, slots=True)
class StudiedRates:
    """False accepts and false rejects at the threshold, by view, of devices of one kind."""

    kind: str
    devices: int
    far: Mapping[str, Estimate]
    frr: Mapping[str, Estimate]


def verify_capture(
    template: Template,
    path: Path,
    *,
    challenge: int | None = None,
    study: StudiedRates | None = None,
    most_false_accepts: float = MOST_FALSE_ACCEPTS,
    seed: int = 1,
) -> Verification:
    """`challenge` is the seed that the capture was asked to be made with.

    Every proof is hashed again first. Raises BadFile, and NoAnswer for a capture without a profile.
    """
    report = verify(path)
    problems = []
    if report.disagreements or report.digest_ok is False:
        problems.append(
            f"the capture contradicts itself: {report.disagreements} events are not what it says"
            + ("" if report.digest_ok is not False else ", and it was changed after it was sealed")
        )
    with load(path) as capture:
        recordings = recordings_of(capture, path.name)
    return judge_recordings(
        template,
        recordings,
        path.name,
        challenge=challenge,
        study=study,
        most_false_accepts=most_false_accepts,
        problems=problems,
        seed=seed,
    )


def judge_recordings(
    template: Template,
    recordings: Sequence[Recording],
    name: str,
    *,
    challenge: int | None = None,
    study: StudiedRates | None = None,
    most_false_accepts: float = MOST_FALSE_ACCEPTS,
    problems: Sequence[str] = (),
    seed: int = 1,
) -> Verification:
    """As `verify_capture`, of recordings that were judged already; `problems` are found reasons to reject."""
    if not 0 < most_false_accepts < 1:
        raise UsageError(f"{most_false_accepts:g} is no share of false accepts", "between 0 and 1")
    enrolled = template.profile
    profiles = [profile_of(recording) for recording in recordings]
    fresh = freshness(recordings, challenge, template.work)
    reasons = list(problems)
    if fresh.replayed:
        reasons.append(fresh.statement)
    strange = [profile for profile in profiles if profile.kind != enrolled.kind]
    if strange:
        reasons.append(f"{name} is of {strange[0].kind}, the template of {enrolled.kind}")
        return Verification(
            template.name, name, Decision.REJECT, tuple(reasons), {}, fresh, most_false_accepts
        )
    if study is not None and study.kind != str(enrolled.kind):
        raise UsageError(
            f"the study is of {study.kind}, the template of {enrolled.kind}", "study devices of that kind"
        )
    shown = merged(profiles, name)
    rng = np.random.default_rng(np.random.SeedSequence(seed))
    views = {view: _score(template, shown, view, study, rng) for view in VIEWS}
    decision = _decide(views[WITHOUT_PPM], reasons, fresh, most_false_accepts)
    return Verification(template.name, name, decision, tuple(reasons), views, fresh, most_false_accepts)


def studied_rates(path: Path) -> StudiedRates:
    """Of a file with what `asicrc puf study --json` printed. Raises BadFile, UsageError."""
    content = read_json(path, MOST_STUDY_BYTES, "a study")
    if "populations" in content:
        raise UsageError(
            f"{path} holds a study of several populations", "take one alone: asicrc puf study --kind planted"
        )
    try:
        views = content["views"]
        kind, devices = content["kind"], int(number(content["devices"], 2, 1e9))
        if not isinstance(kind, str) or not isinstance(views, dict):
            raise ValueError("kind or views are not what they should be")
        rates = [
            {view: _estimate(views[view][key]) for view in VIEWS if view in views} for key in ("far", "frr")
        ]
        thresholds = [number(views[view]["threshold"]) for view in VIEWS if view in views]
    except (KeyError, TypeError, ValueError) as error:
        raise BadFile(f"{path} is no study: {error}", "asicrc puf study FOLDER --json > STUDY") from None
    if any(abs(threshold - THRESHOLD) > 1e-9 for threshold in thresholds):
        raise BadFile(f"{path} was made with another threshold", "study again with this version of asicrc")
    return StudiedRates(kind, devices, *rates)


def _decide(view: ViewScore, reasons: list[str], fresh: Freshness, most_false_accepts: float) -> Decision:
    """Adds what it rests on to `reasons`, which hold what speaks against it already."""
    if view.same is False:
        reasons.append(
            f"another device: score {view.score:.3g}, the device itself stays below {view.threshold:.3g}"
        )
    if reasons:
        return Decision.REJECT
    if view.same is None:
        reasons.append("template and capture have nothing of cores in common to compare")
        return Decision.NOT_RESOLVED
    if view.far is None:
        reasons.append(f"it is not known whether another device would be taken for it too: {view.basis}")
        return Decision.NOT_RESOLVED
    if view.far.high > most_false_accepts:
        share = f"{view.far.estimate:.2g} [{view.far.low:.2g}, {view.far.high:.2g}]"
        reasons.append(
            f"another device would be taken for it too: {share} of impostors are, {most_false_accepts:g} at "
            "most are allowed"
        )
        return Decision.NOT_RESOLVED
    reasons.append(f"score {view.score:.3g}, the device itself stays below {view.threshold:.3g}")
    if fresh.asked_for is None:
        reasons.append(fresh.statement)
    return Decision.ACCEPT


def _score(
    template: Template, shown: Profile, view: str, study: StudiedRates | None, rng: np.random.Generator
) -> ViewScore:
    enrolled = template.profile
    found = compare_view(enrolled.groups, [shown.groups], view, enrolled.spread)
    score, compared = float(found.score[0]), int(found.df[0])
    if study is not None and view in study.far:
        return ViewScore(
            score,
            THRESHOLD,
            compared,
            study.far[view],
            study.frr[view],
            f"a study of {study.devices} devices",
        )
    frr = Estimate(FALSE_REJECTS, float("nan"), float("nan"), 0, method="by design, for errors as stated")
    basis = ["false rejects by design"]
    if template.tried:
        frr = clopper_pearson(template.rejected.get(view, 0), template.tried)
        basis = ["false rejects of its own recordings, each against the others"]
    impostors = _impostors(enrolled, shown, view, rng)
    if impostors is None:
        basis.append("false accepts take a study of other devices")
        return ViewScore(score, THRESHOLD, compared, None, frr, "; ".join(basis))
    basis.append(f"false accepts of {IMPOSTORS} impostors made by exchanging its cores")
    if "crystal" in VIEWS[view]:
        basis.append(f"with crystals anywhere within {CRYSTAL_TOLERANCE_PPM:g} ppm")
    far = clopper_pearson(int(np.count_nonzero(impostors <= THRESHOLD)), len(impostors))
    return ViewScore(score, THRESHOLD, compared, far, frr, "; ".join(basis))


def _impostors(enrolled: Profile, shown: Profile, view: str, rng: np.random.Generator) -> Floats | None:
    """Scores of impostors against the template; None where nobody can be made for a group of the view."""
    common = [name for name in VIEWS[view] if name in enrolled.groups and name in shown.groups]
    if not common or any(not GROUPS[name].contrast and name != "crystal" for name in common):
        return None
    total = None
    for name in common:
        one = _exchanged(name, enrolled.groups[name], shown.groups[name], rng, enrolled.spread.get(name, 1.0))
        total = one if total is None else total + one
    return None if total is None else total.score


def _exchanged(name: str, enrolled: Group, shown: Group, rng: np.random.Generator, spread: float) -> Any:
    _, values, variances = aligned([enrolled, shown])
    variances = variances * spread**2
    if name == "crystal":
        drawn = rng.uniform(-CRYSTAL_TOLERANCE_PPM, CRYSTAL_TOLERANCE_PPM, (IMPOSTORS, 1))
        return chi_squared(values[0], variances[0], drawn, np.tile(variances[1], (IMPOSTORS, 1)), False)
    known = np.flatnonzero(np.isfinite(variances[1]))
    order = np.tile(known, (IMPOSTORS, 1))
    order = rng.permuted(order, axis=1)
    many, errors = np.tile(values[1], (IMPOSTORS, 1)), np.tile(variances[1], (IMPOSTORS, 1))
    many[:, known], errors[:, known] = values[1][order], variances[1][order]
    return chi_squared(values[0], variances[0], many, errors, True)


def _estimate(content: object) -> Estimate:
    if not isinstance(content, dict):
        raise ValueError("a rate is no object")
    low, value, high = (number(content[key], 0.0, 1.0) for key in ("low", "estimate", "high"))
    if not low <= value <= high:
        raise ValueError(f"a rate of {value:g} from {low:g} to {high:g}")
    return Estimate(value, low, high, int(number(content["n"], 0, 1e15)), method="as the study says")

"""The figure of a fingerprint study: distances of own and other pairs, and the ROC, for each population."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from asicrc.analysis.fingerprint.groups import EVERYTHING, PPM_ALONE, WITH_PPM, WITHOUT_PPM
from asicrc.analysis.fingerprint.study import MOST_EQUAL_ERROR, FingerprintStudy
from asicrc.report.figures import BLUE, GREEN, GREY, ORANGE

_VIEWS = {
    WITHOUT_PPM: ("cores, ppm removed", BLUE, "-"),
    WITH_PPM: ("cores and crystal", GREEN, "--"),
    PPM_ALONE: ("crystal alone", GREY, ":"),
    EVERYTHING: ("everything", ORANGE, "-."),
}
_BINS = 60


def fingerprint_figure(studies: Mapping[str, FingerprintStudy]) -> Figure:
    """One row of two panels for each population, by its name; save it with `figure.savefig`."""
    figure = Figure(figsize=(11, 4.2 * len(studies)), layout="constrained")
    rows = figure.subplots(len(studies), 2, squeeze=False)
    letters = iter("abcdefghijklmnop")
    for (name, study), (left, right) in zip(studies.items(), rows, strict=True):
        _draw_distances(left, study)
        _draw_roc(right, study)
        for axis, what in ((left, "distances, ppm removed"), (right, "trade-off of errors")):
            title = f"({next(letters)}) {_plain(name)}, {study.devices} devices: {what}"
            axis.set_title(title, loc="left", fontsize=10)
            axis.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_distances(axis: Axes, study: FingerprintStudy) -> None:
    own = study.own_scores[WITHOUT_PPM]
    other = study.other_scores[WITHOUT_PPM]
    own, other = own[np.isfinite(own)], other[np.isfinite(other)]
    both = np.concatenate([own, other])
    edges = np.linspace(float(both.min()), float(both.max()) + 1e-9, _BINS + 1).tolist()
    for scores, label, color in ((own, "of the same device", BLUE), (other, "of two devices", ORANGE)):
        weights = np.full(len(scores), 1 / len(scores))
        axis.hist(
            scores, edges, weights=weights, color=color, alpha=0.55, label=f"{label}, n = {len(scores)}"
        )
    threshold = study.rates[WITHOUT_PPM].threshold
    axis.axvline(threshold, color=GREY, lw=1, ls="--", label="threshold, 1 % false rejects by design")
    axis.set(xlabel="score (0 ± 1 for the same device)", ylabel="share of the pairs")
    axis.margins(y=0.25)
    axis.legend(frameon=True, framealpha=0.9, edgecolor="none", fontsize=8, loc="upper right")


def _draw_roc(axis: Axes, study: FingerprintStudy) -> None:
    axis.plot([0, 1], [1, 0], color=GREY, lw=0.7)
    axis.plot([0, MOST_EQUAL_ERROR], [0, MOST_EQUAL_ERROR], color=GREY, lw=0.7)
    axis.plot(MOST_EQUAL_ERROR, MOST_EQUAL_ERROR, "k+", ms=9, label=f"equal errors of {MOST_EQUAL_ERROR:.0%}")
    for view, rates in study.rates.items():
        label, color, style = _VIEWS[view]
        eer = rates.eer
        axis.plot(
            rates.roc[:, 0],
            rates.roc[:, 1],
            style,
            color=color,
            label=f"{label}: {eer.estimate:.3f} [{eer.low:.3f}, {eer.high:.3f}]",
        )
    axis.set(xlabel="false accepts", ylabel="false rejects", xlim=(-0.02, 1), ylim=(-0.02, 1))
    axis.legend(frameon=False, fontsize=8, loc="upper right", title="equal-error rate", title_fontsize=8)


def _plain(text: str) -> str:
    """As it stands, without formulas and without what the font does not have: names are from files."""
    shown = (c if (c.isascii() and c.isprintable()) else "?" for c in text)
    return "".join(shown).replace("$", r"\$")

"""What the papers' filter on windows of shares is worth: their figures, then the question they stand for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from asicrc.errors import NoAnswer
from asicrc.evidence import EvidenceVerdict, judge
from asicrc.evidence.discrimination import CHANCE, Discrimination, discriminate
from asicrc.filtering.accounting import FilterAccount
from asicrc.filtering.label_leak import LabelLeak, confounded_with_time, label_leak
from asicrc.filtering.policies import baselines
from asicrc.filtering.published import (
    ABORT_ROUND,
    ROUNDS,
    Network,
    published_network,
    published_window_filter,
)
from asicrc.filtering.windows import FEATURES, WindowTable
from asicrc.reservoir.readouts import RidgeReadout

MARGIN = 0.02
"""Of the AUC round 0.5, inside which windows are shown to tell nothing of a later one."""
FEWEST_WINDOWS = 20
MOST_APART = 5


@dataclass(frozen=True, slots=True)
class WindowStudy:
    """`same_window` is the published filter, `network` the published network.

    `next_window` is a readout of one window that predicts the one `apart` further on, the next that shares no
    time with it; trained on the first half and scored on the second.
    """

    table: WindowTable
    same_window: FilterAccount
    network: Network
    policies: dict[str, FilterAccount]
    leak: LabelLeak | None
    confounded: LabelLeak | None
    apart: int
    next_window: Discrimination | None
    reason: str

    @property
    def value_verdict(self) -> EvidenceVerdict:
        """Does the published network get every window of a table right, as published?"""
        (_, fp), (fn, tp) = self.network.confusion
        if fn + tp == 0:
            return EvidenceVerdict.NOT_TESTABLE_HERE  # no window of label 1 came into the test part
        return EvidenceVerdict.REFUTED if fp or fn else EvidenceVerdict.SUPPORTED

    @property
    def interpretation_verdict(self) -> EvidenceVerdict:
        """Does it predict? A label made of its own features, or one with time, cannot show that."""
        if self.leak is not None or self.confounded is not None:
            return EvidenceVerdict.REFUTED
        if self.next_window is None:
            return EvidenceVerdict.NOT_TESTABLE_HERE
        found = self.next_window
        return judge(found.auc, found.p_corrected, null_value=CHANCE, margin=MARGIN)

    @property
    def next_window_verdict(self) -> EvidenceVerdict:
        """Does one window tell of the next? Of its own, whatever the published label was made of."""
        if self.next_window is None:
            return EvidenceVerdict.NOT_TESTABLE_HERE
        found = self.next_window
        return judge(found.auc, found.p_corrected, null_value=CHANCE, margin=MARGIN)

    def as_json(self) -> dict[str, Any]:
        found = self.next_window
        scores: dict[str, Any] = dict.fromkeys(
            ("auc", "auc_low", "auc_high", "detectable_auc", "p_corrected")
        )
        leaks = [leak.rule for leak in (self.leak, self.confounded) if leak is not None]
        return {
            "source": self.table.source,
            "windows": len(self.table.label),
            **self.same_window.as_json(),
            **(scores if found is None else found.as_json()),
            "label_leak": "; ".join(leaks) or None,
            "network": self.network.as_json(),
            "baselines": {name: policy.as_json() for name, policy in self.policies.items()},
            "value_verdict": self.value_verdict.value,
            "interpretation_verdict": self.interpretation_verdict.value,
            "windows_apart": self.apart,
            "next_window_verdict": self.next_window_verdict.value,
            "reason": self.reason or None,
        }


def study_windows(table: WindowTable, seed: int = 1) -> WindowStudy:
    """Run the published filter and network on a table of windows; ask whether one tells of the next.

    Raises NoAnswer for a table of one label, or of fewer than 20 windows.
    """
    n, positives = len(table.label), int(table.label.sum())
    if n < FEWEST_WINDOWS or positives in (0, n):
        raise NoAnswer(
            f"{table.source}: {n} windows, {positives} of label 1; it takes {FEWEST_WINDOWS}, "
            "some of either label",
            "more windows, or others: shorter ones (`--window`) where each holds a share",
        )
    same = published_window_filter(table)
    apart = windows_apart(table)
    next_window, reason = _next_window(table, apart)
    rate = same.continue_rate.estimate
    return WindowStudy(
        table,
        same,
        published_network(table),
        baselines(
            table.label,
            continue_rate=rate,
            seed=np.random.SeedSequence(seed),
            rounds_before=ABORT_ROUND,
            rounds=ROUNDS,
        ),
        label_leak(table.features, FEATURES, table.label),
        confounded_with_time(table.label),
        apart,
        next_window,
        reason,
    )


def windows_apart(table: WindowTable) -> int:
    """How many windows on the next one lies that shares no time with a window.

    The published collector looks back 5 s every 3 s, so neighbours hold the same shares: that shows in a
    spread of delays that is the same to the last digit.
    """
    spread = table.features[:, FEATURES.index("jitter_std")]
    moving = spread[spread > 0]
    if np.unique(moving).size * 3 < moving.size:
        return 1  # rounded values: that they are alike says nothing
    apart = 1
    while apart < MOST_APART and np.any((spread[apart:] == spread[:-apart]) & (spread[apart:] > 0)):
        apart += 1
    return apart


def _next_window(table: WindowTable, apart: int) -> tuple[Discrimination | None, str]:
    """In order of time, with a gap between the halves: rows drawn at random would know their neighbours."""
    features, follows = table.features[:-apart], table.shares[apart:] > 0
    half = len(features) // 2
    if np.unique(follows[:half]).size < 2:
        return None, "the first half of the windows has one kind of follower only"
    spread = features[:half].std(axis=0)
    scaled = (features - features[:half].mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    readout = RidgeReadout().fit(scaled[:half], follows[:half].astype(float))
    try:
        return discriminate(readout.predict(scaled[half + apart :]), follows[half + apart :]), ""
    except NoAnswer as error:
        return None, error.message

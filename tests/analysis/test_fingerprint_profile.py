"""Profiles of devices whose truth is known, and the distance between them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fingerprint_samples import chip, miner, variation

from asicrc.analysis.fingerprint import VIEWS, Group, merged, profile_of
from asicrc.analysis.fingerprint.arrival_profile import shares
from asicrc.analysis.fingerprint.distance import compare, compare_view
from asicrc.analysis.fingerprint.groups import EVERYTHING, WITHOUT_PPM
from asicrc.analysis.fingerprint.places import Places, places
from asicrc.errors import NoAnswer
from firmware_protocols.device import Reason, Verdict


def centred(values: np.ndarray) -> np.ndarray:
    return values - values.mean()


@pytest.mark.parametrize("unit", [0, 1, 2])
def test_planted_delays_of_cores_are_measured_within_their_errors(unit: int) -> None:
    group = profile_of(chip(unit, 1)).groups["core_delay"]
    planted_us = 1e3 * variation(unit).silicon[0, :8]
    assert group.names == tuple(f"0/{core}" for core in range(8))
    off = centred(group.values) - centred(planted_us)
    assert np.all(np.abs(off) < 4.5 * group.errors)
    assert np.sum((off / group.errors) ** 2) < 24.3  # chi-squared with 7 degrees of freedom, 0.999
    assert 20 < np.median(group.errors) < 90  # 1 ms of batching over some 48 answers of each core


def test_the_crystal_is_measured_and_is_no_delay_of_cores() -> None:
    for unit in (0, 1, 2, 3):
        profile = profile_of(chip(unit, 1, 0.0))
        ppm, error = profile.groups["crystal"].values[0], profile.groups["crystal"].errors[0]
        law = variation(unit).crystal
        assert abs(ppm - law.offset_ppm) < 5 * error + 5 * abs(law.slope_ppm_per_k) + 0.5
        assert error < 8.0
        delays = profile.groups["core_delay"]
        assert np.sum(centred(delays.values) ** 2 / delays.errors**2) < 30


def test_recordings_of_one_device_differ_by_their_errors_alone() -> None:
    chi2 = df = 0.0
    for unit in (0, 1, 2, 3):
        first, *rest = (profile_of(chip(unit, seed)).groups for seed in (1, 2, 3))
        found = compare(first, rest, VIEWS[WITHOUT_PPM])
        chi2, df = chi2 + found.chi2.sum(), df + found.df.sum()
        assert np.all(found.score < 4)
    assert 0.6 < chi2 / df < 1.5


def test_another_device_lies_further_where_a_fingerprint_is_and_nowhere_else() -> None:
    planted = [profile_of(chip(unit, 1)).groups for unit in (0, 1, 2, 3)]
    assert np.all(compare(planted[0], planted[1:], VIEWS[WITHOUT_PPM]).score > 8)
    plain = [profile_of(chip(unit, 1, 0.0)).groups for unit in (0, 1, 2, 3)]
    assert np.all(compare(plain[0], plain[1:], VIEWS[WITHOUT_PPM]).score < 4)
    assert np.max(compare(plain[0], plain[1:], VIEWS[EVERYTHING]).score) > 8  # temperature, power


def test_cores_of_a_miner_on_a_network_show_in_their_nonces() -> None:
    first, again, other = (profile_of(miner(*of)) for of in ((0, 1), (0, 2), (1, 1)))
    delays = first.groups["core_delay"]
    assert len(delays) == 112
    planted_us = 4e3 * variation(0, "lv06").silicon[0]
    # nothing overtakes, so part of a delay is handed on to the shares behind it
    assert np.corrcoef(delays.values, planted_us)[0, 1] > 0.6
    assert compare(first.groups, [again.groups], VIEWS[WITHOUT_PPM]).score[0] < 3.5
    assert compare(first.groups, [other.groups], VIEWS[WITHOUT_PPM]).score[0] > 6
    assert "crystal" not in first.groups
    assert first.unanswered["crystal"].startswith("it is not known when a nonce was due")
    assert first.synthetic


def test_a_miner_without_a_fingerprint_has_none() -> None:
    first, other = (profile_of(miner(unit, 1, 0.0)) for unit in (0, 1))
    assert abs(compare(first.groups, [other.groups], VIEWS[WITHOUT_PPM]).score[0]) < 4


def test_the_same_delay_of_all_cores_is_no_difference() -> None:
    groups = profile_of(chip(0, 1)).groups
    delays = groups["core_delay"]
    later = {"core_delay": replace(delays, values=delays.values + 12_345.0)}
    found = compare({"core_delay": delays}, [later], VIEWS[WITHOUT_PPM])
    assert found.chi2[0] == pytest.approx(0.0, abs=1e-6)
    assert found.df[0] == 7


def test_a_core_that_answers_no_more_is_seen() -> None:
    names = tuple(f"0/{core}" for core in range(8))
    label = np.repeat(np.arange(8), 100)
    whole = shares(Places("core", label, names))
    dead = shares(Places("core", np.where(label == 3, 2, label)[: 8 * 100], names))
    gone = shares(
        Places("core", np.searchsorted([0, 1, 2, 4, 5, 6, 7], label[label != 3]), names[:3] + names[4:])
    )
    own, fewer, without = compare(
        {"core_share": whole}, [{"core_share": g} for g in (whole, dead, gone)], VIEWS[WITHOUT_PPM]
    ).score
    assert own < 0
    assert fewer > 5
    assert without > 4


def test_answers_that_do_not_hash_are_told_by_core() -> None:
    recording = chip(0, 1)
    events = recording.events.copy()
    bad = np.flatnonzero(events["core"] == 5)[:30]
    events["verdict"][bad], events["reason"][bad] = Verdict.LOW, Reason.DOES_NOT_HASH
    group = profile_of(replace(recording, events=events)).groups["core_wrong"]
    share = dict(zip(group.names, group.values.tolist(), strict=True))
    assert share.pop("0/5") > 0.4
    assert max(share.values()) < 0.05
    few = profile_of(chip(0, 1)).unanswered["core_wrong"]
    assert few.startswith("0 answers that do not hash")


def test_several_recordings_make_one_profile_and_tell_how_they_spread() -> None:
    profiles = [profile_of(chip(0, seed)) for seed in (1, 2, 3)]
    whole = merged(profiles, "device")
    assert whole.recordings == 3
    assert whole.proofs == sum(profile.proofs for profile in profiles)
    assert np.median(whole.groups["core_delay"].errors) == pytest.approx(
        np.median([np.median(p.groups["core_delay"].errors) for p in profiles]) / np.sqrt(3), rel=0.1
    )
    assert 1.0 <= whole.spread["core_delay"] < 1.5
    off = centred(whole.groups["core_delay"].values) - centred(1e3 * variation(0).silicon[0, :8])
    assert np.all(np.abs(off) < 4.5 * whole.groups["core_delay"].errors)
    # errors that are a tenth of what they are: the spread makes up for it
    bold = [
        replace(p, groups={k: replace(g, errors=g.errors / 10) for k, g in p.groups.items()})
        for p in profiles
    ]
    assert merged(bold, "device").spread["core_delay"] == pytest.approx(
        10 * np.sqrt(_chi2_share(profiles)), rel=1e-6
    )


def _chi2_share(profiles: list) -> float:
    chi2 = df = 0.0
    for a in range(3):
        for b in range(a):
            found = compare(profiles[a].groups, [profiles[b].groups], ["core_delay"])
            chi2, df = chi2 + found.chi2[0], df + found.df[0]
    return float(chi2 / df)


def test_reasons_where_there_is_no_profile() -> None:
    recording = chip(0, 1)
    with pytest.raises(NoAnswer, match="50 distinct valid proofs; a profile takes 100"):
        profile_of(replace(recording, events=recording.events[:50]))
    with pytest.raises(NoAnswer, match=r"of BM1366|x BM1366"):
        merged([profile_of(recording), profile_of(chip(0, 1, 0.001, None, 4))], "two kinds")
    unknown = replace(recording.identity, model="LBRY", family="goldshell")
    events = recording.events.copy()
    events["core"] = -1
    with pytest.raises(NoAnswer, match="which core of a LBRY finds a nonce"):
        places(unknown, events)
    with pytest.raises(NoAnswer, match="too few of each"):
        places(recording.identity, recording.events[:60])


def test_nothing_in_common_has_no_score() -> None:
    one, other = Group(("0/1",), np.ones(1), np.ones(1)), Group(("0/2",), np.ones(1), np.ones(1))
    assert np.isnan(compare({"core_delay": one}, [{"core_delay": other}], VIEWS[WITHOUT_PPM]).score[0])
    assert np.isnan(compare({"core_delay": one}, [{"core_share": other}], VIEWS[WITHOUT_PPM]).score[0])


def test_a_view_of_cores_has_no_score_without_cores() -> None:
    groups = profile_of(chip(0, 1)).groups
    alone = {"crystal": groups["crystal"]}
    assert np.isnan(compare_view(groups, [alone], "with_ppm").score[0])
    assert np.isnan(compare_view(groups, [alone], "without_ppm").score[0])
    assert np.isfinite(compare_view(groups, [alone], "ppm_alone").score[0])
    assert compare_view(groups, [groups], "with_ppm").df[0] == 7 + 7 + 1

"""What each fault does, in numbers, without a line: options, results, bytes, and the crystal."""

from __future__ import annotations

import math
from collections import Counter

import pytest
from bm1366_host import WireJob, crc5, write_register
from hypothesis import given, settings
from hypothesis import strategies as st
from midstate_host import MidstateJob
from scipy import stats
from test_emulated_orders import found
from test_emulated_registers import Line, s9

from simulators.bm13xx.crystal import Crystal
from simulators.bm13xx.faults import FAULT_NAMES, Faults, parse_faults
from simulators.bm13xx.line_faults import LineFaults
from simulators.bm13xx.option_values import real
from simulators.bm13xx.outbox import END_OF_TIME_NS
from simulators.bm13xx.proof_faults import Outcome, ProofFaults
from simulators.bm13xx.proofs import Proof, ProofSource
from simulators.bm13xx.scale import OptionError, Scale, parse_scale


def scale_with(faults: str, *options: tuple[str, str]) -> Scale:
    return parse_scale([("faults", faults), *options])


def likely(count: int, trials: int, share: float) -> bool:
    """Whether a binomial count is one that 1 run in a million does not give."""
    low, high = stats.binom.interval(1 - 1e-6, trials, share)
    return bool(low <= count <= high)


def test_faults_come_from_one_option() -> None:
    text = "noise:1e-4,drop:0.5,crc:0.25,stall:1/2.5,hangup:3,mute:4,invalid:0.1,missing:1e-3,dead_core:5"
    faults = parse_faults(f"{text},core_shift:2/1e-6,clock_ppm:-20,clock_drift:0.05,temperature:60")
    assert faults == Faults(
        noise=1e-4,
        drop=0.5,
        crc=0.25,
        stall=(1.0, 2.5),
        hangup_s=3.0,
        mute_s=4.0,
        invalid=0.1,
        missing=1e-3,
        dead_core=5,
        core_shift=(2, 1e-6),
        clock_ppm=-20.0,
        clock_drift=0.05,
        temperature_c=60.0,
    )
    assert parse_scale([]).faults == parse_faults("") == Faults()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nosie:0.1", f"no fault 'nosie'; known are {', '.join(FAULT_NAMES)}"),
        ("noise:0.1,noise:0.2", "'noise' is given twice"),
        ("noise:2", "fault noise lies between 0 and 1, not at 2"),
        ("noise", "fault noise is a number, not ''"),
        ("missing:nan", "fault missing lies between"),
        ("stall:3", "AFTER/FOR in seconds, not '3'"),
        ("core_shift:1e-6/2", "fault core_shift is a whole number, not '1e-6'"),
        ("dead_core:128", "fault dead_core lies between 0 and 127"),
        ("temperature:hot", "fault temperature is a number"),
    ],
)
def test_faults_that_are_not_understood_say_so(text: str, message: str) -> None:
    with pytest.raises(OptionError) as raised:
        scale_with(text)
    assert message in str(raised.value)


def test_a_board_may_add_faults_of_its_own() -> None:
    further = {"overheat": real(0.0, 100.0)}
    scale = parse_scale([("faults", "overheat:3,crc:1")], further)
    assert (scale.faults.further, scale.faults.crc) == ({"overheat": 3.0}, 1.0)
    with pytest.raises(OptionError, match="temperature, overheat"):
        parse_scale([("faults", "overheats:3")], further)


@pytest.fixture(scope="module")
def s9_proofs() -> tuple[list[Proof], ProofSource]:
    """About 4,000 results of 4 cores, 4 midstates."""
    line = s9(2)
    line.send(MidstateJob.example(1, 0x20).body())
    return found(line, round(4000 / 0.65), ("zero_bits", "3"))


@pytest.fixture(scope="module")
def bm1366_proofs() -> tuple[list[Proof], ProofSource]:
    line = Line("bm1366")
    line.send(write_register(0x08, 0x50C20240) + write_register(0x10, 100) + write_register(0x3C, 0x800082AA))
    line.send(WireJob.example(1).frame())
    return found(line, 13_000, ("zero_bits", "3"))


def outcomes(
    proofs: tuple[list[Proof], ProofSource], faults: str, *options: tuple[str, str]
) -> list[Outcome]:
    return list(ProofFaults(scale_with(faults, *options)).applied(*proofs))


def test_missing_nonces_are_those_of_their_fault_seed(s9_proofs: tuple[list[Proof], ProofSource]) -> None:
    def lost(*options: tuple[str, str]) -> set[tuple[int, int]]:
        return {
            (outcome.proof.nonce, outcome.proof.variant)
            for outcome in outcomes(s9_proofs, "missing:0.1", ("chip", "bm1387"), *options)
            if outcome.lost
        }

    n = len(s9_proofs[0])
    first = lost()
    assert n > 3000
    assert likely(len(first), n, 0.1)
    assert lost() == first
    assert lost(("seed", "9"), ("fault_seed", "1")) == first
    assert lost(("seed", "9")) == lost(("fault_seed", "9"))
    other = lost(("seed", "9"))
    assert likely(len(other), n, 0.1)
    assert likely(len(other & first), n, 0.01)


def test_the_faults_of_a_nonce_do_not_depend_on_each_other(
    s9_proofs: tuple[list[Proof], ProofSource],
) -> None:
    both = outcomes(s9_proofs, "missing:0.3,invalid:0.3", ("chip", "bm1387"))
    missing = sum(outcome.fault == "missing" for outcome in both)
    invalid = sum(outcome.fault == "invalid" for outcome in both)
    assert likely(missing, len(both), 0.3)
    assert likely(invalid, len(both) - missing, 0.3)
    lost = {o.proof.nonce for o in outcomes(s9_proofs, "missing:0.3", ("chip", "bm1387")) if o.lost}
    assert lost == {outcome.proof.nonce for outcome in both if outcome.lost}


@pytest.mark.parametrize("chip", ["bm1387", "bm1366"])
def test_invalid_nonces_do_not_hash_and_name_the_same_core_and_chip(
    chip: str,
    s9_proofs: tuple[list[Proof], ProofSource],
    bm1366_proofs: tuple[list[Proof], ProofSource],
) -> None:
    proofs = s9_proofs if chip == "bm1387" else bm1366_proofs
    options = (("chip", chip), ("zero_bits", "3"))
    results = outcomes(proofs, "invalid:0.2", *options)
    spoiled = [outcome for outcome in results if outcome.fault == "invalid"]
    assert likely(len(spoiled), len(results), 0.2)
    assert not any(outcome.lost for outcome in results)
    for outcome in spoiled:
        assert outcome.found is not None
        frame, before = outcome.proof.frame, outcome.found.frame
        start = len(frame) - 7 if chip == "bm1387" else 2
        assert len(frame) == len(before)
        assert crc5(frame[start:]) == 0
        if chip == "bm1387":
            value = MidstateJob.example(1, 0x20).hash_value(frame[:4], frame[5] & 3)
            assert frame[0] & 0xFC == before[0] & 0xFC
            assert frame[3] & 0x7F == before[3] & 0x7F
            assert frame[4:6] == before[4:6]
        else:
            value = WireJob.example(1).hash_value(frame[2:6], 0)
            assert frame[2:4] == before[2:4]
        assert value >> 253
    assert outcomes(proofs, "invalid:0.2", *options) == results


def test_a_dead_core_finds_nothing_and_a_shifted_one_later(
    s9_proofs: tuple[list[Proof], ProofSource],
) -> None:
    results = outcomes(s9_proofs, "dead_core:2,core_shift:1/2e-6", ("chip", "bm1387"), ("time_scale", "1000"))
    assert {o.fault for o in results if o.proof.core == 2} == {"dead_core"}
    assert {o.fault for o in results if o.proof.core == 1} == {"core_shift"}
    assert {o.fault for o in results if o.proof.core in (0, 3)} == {""}
    assert all(o.lost == (o.proof.core == 2) for o in results)
    for outcome, proof in zip(results, s9_proofs[0], strict=True):
        assert outcome.proof.due_ns - proof.due_ns == (2_000_000 if proof.core == 1 else 0)


def test_without_faults_results_pass_as_they_are(s9_proofs: tuple[list[Proof], ProofSource]) -> None:
    results = outcomes(s9_proofs, "", ("chip", "bm1387"))
    assert [outcome.proof for outcome in results] == s9_proofs[0]
    assert not any(outcome.fault or outcome.lost for outcome in results)


DATA = bytes(range(256)) * 80


def line_faults(faults: str, seed: int = 1) -> tuple[LineFaults, Counter[str]]:
    counts: Counter[str] = Counter()
    return LineFaults(scale_with(faults, ("fault_seed", str(seed))), counts), counts


def test_noise_puts_junk_before_a_share_of_the_bytes() -> None:
    line, counts = line_faults("noise:0.05")
    noisy = line.on_the_line(DATA)
    assert likely(counts["noise"], len(DATA), 0.05)
    assert len(noisy) == len(DATA) + counts["noise"]
    remaining = iter(noisy)
    assert all(byte in remaining for byte in DATA)  # every byte is still there, in its order
    assert line_faults("noise:0.05")[0].on_the_line(DATA) == noisy
    assert line_faults("noise:0.05", seed=2)[0].on_the_line(DATA) != noisy


def test_drop_loses_a_share_of_the_bytes() -> None:
    line, counts = line_faults("drop:0.05")
    left = line.on_the_line(DATA)
    assert likely(counts["drop"], len(DATA), 0.05)
    assert len(left) == len(DATA) - counts["drop"]
    whole = iter(DATA)
    assert all(byte in whole for byte in left)


def test_a_wrong_checksum_is_the_only_thing_wrong_with_a_frame() -> None:
    frame = bytes.fromhex("AA551366000000000C")
    line, counts = line_faults("crc:0.1")
    spoiled = line.frames(frame * 4000, 4000)
    frames = [spoiled[i : i + 9] for i in range(0, len(spoiled), 9)]
    wrong = [one for one in frames if crc5(one[2:])]
    assert len(wrong) == counts["crc"]
    assert likely(len(wrong), 4000, 0.1)
    assert all(one[:8] == frame[:8] and one[8] >> 5 == 0 for one in frames)
    assert len({one[8] for one in wrong}) == 31


def test_times_count_from_the_first_job() -> None:
    line, _ = line_faults("stall:2/3,mute:7,hangup:8")
    assert (line.start_ns(5), line.is_mute(END_OF_TIME_NS - 1), line.hangup_ns) == (5, False, END_OF_TIME_NS)
    line.first_job(10**9)
    second = 10**9
    assert line.hangup_ns == 9 * second
    assert [line.start_ns(t) for t in (3 * second - 1, 3 * second, 6 * second - 1, 6 * second)] == [
        3 * second - 1,
        6 * second,
        6 * second,
        6 * second,
    ]
    assert (line.is_mute(8 * second - 1), line.is_mute(8 * second)) == (False, True)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 10**10), st.floats(-10_000, 10_000)), max_size=8),
    st.integers(0, 10**12),
)
def test_the_crystal_never_jumps_and_turns_both_ways(changes: list[tuple[int, float]], later: int) -> None:
    crystal, now_ns = Crystal(1000), 1000
    for step_ns, ppm in changes:
        now_ns += step_ns
        before = crystal.chip_ns(now_ns)
        crystal.set_ppm(ppm, now_ns)
        assert crystal.chip_ns(now_ns) == before
    t_ns = now_ns + later
    chip_ns = crystal.chip_ns(t_ns)
    assert abs(crystal.real_ns(chip_ns) - t_ns) <= 1
    rate = 1 + (changes[-1][1] if changes else 0.0) * 1e-6
    assert chip_ns - crystal.chip_ns(now_ns) == pytest.approx(later * rate, abs=1)


def test_an_exact_crystal_keeps_the_machines_time() -> None:
    crystal = Crystal(123)
    crystal.set_ppm(0.0, 10**15)
    assert crystal.chip_ns(10**18 + 1) == 10**18 + 1 == crystal.real_ns(10**18 + 1)
    assert math.isclose(crystal.chip_ns(0), 0)

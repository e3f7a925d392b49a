"""What an earlier capture has left: adopted while the miner is still so, forgotten once it was put back."""

from __future__ import annotations

import json
from collections import deque
from pathlib import Path

import pytest
from fake_axeos import SERVER, FakeAxeos, control_of

from asicrc.devices.network.kept_originals import KeptOriginals
from asicrc.devices.network.left_behind import LeftBehind
from asicrc.errors import BadFile
from firmware_protocols.device import Setting


@pytest.fixture(autouse=True)
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> KeptOriginals:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return KeptOriginals("a-miner")


def left_by_a_capture(miner: FakeAxeos, kept: KeptOriginals) -> None:
    """As a kill leaves it: pointed to us, at another clock."""
    control = control_of(miner)
    left = LeftBehind(kept)
    left.found(control.originals())
    left.keep(control, SERVER, 1_700_000_000_000_000_000)
    control.point_to(SERVER, None, {})
    control.configure({"frequency_mhz": 450.0})


def test_what_that_one_found_counts_and_not_what_it_left(kept: KeptOriginals) -> None:
    miner = FakeAxeos("head")
    left_by_a_capture(miner, kept)
    log: deque[str] = deque()
    left, control = LeftBehind(kept), control_of(miner)
    originals = left.of_an_earlier_capture(control, log)
    assert originals is not None
    assert {s.name: s.read_back for s in originals}["frequency_mhz"] == 485.0
    assert left.is_left_behind
    assert "a capture of 2023-11-14 22:13 UTC did not put this miner back" in log[0]
    settings = control.restore(overheated=False)
    assert left.after_restore(settings, 0) == []
    assert kept.load() is None
    assert miner.info["primaryPoolIndex"] == 0


def test_a_miner_that_somebody_put_back_since_keeps_what_it_has(kept: KeptOriginals) -> None:
    miner = FakeAxeos("live")
    left_by_a_capture(miner, kept)
    miner.info |= {"stratumURL": "new.example", "frequency": 500}
    log: deque[str] = deque()
    left = LeftBehind(kept)
    assert left.of_an_earlier_capture(control_of(miner), log) is None
    assert not left.is_left_behind
    assert "somebody has since" in log[0]
    assert kept.load() is None


def test_pools_that_are_kept_nowhere_are_not_called_restored(kept: KeptOriginals) -> None:
    miner = FakeAxeos("live")
    log: deque[str] = deque()
    left, control = LeftBehind(kept), control_of(miner)
    left.adopt(control, [Setting(0, "frequency_mhz", None, 485.0, "original")], log, pointed=True)
    (own_pools,) = left.after_restore(control.restore(overheated=False), 5)
    assert (own_pools.name, own_pools.read_back) == ("own_pools", None)
    assert "by hand" in log[0]
    assert miner.info["stratumURL"] == "pool.example"


def test_what_is_kept_stays_while_the_pools_are_not_back(kept: KeptOriginals) -> None:
    miner = FakeAxeos("live")
    left_by_a_capture(miner, kept)
    miner.ignores = {"stratumURL"}
    log: deque[str] = deque()
    left, control = LeftBehind(kept), control_of(miner)
    left.of_an_earlier_capture(control, log)
    left.after_restore(control.restore(overheated=False), 0)
    assert kept.load() is not None


@pytest.mark.parametrize("generation", ["live", "head"])
def test_a_new_pool_of_the_owner_is_not_overwritten_by_what_was_kept(
    generation: str, kept: KeptOriginals
) -> None:
    miner = FakeAxeos(generation)
    left_by_a_capture(miner, kept)
    if generation == "head":
        miner.info["pools"].append(miner.pool(4, "new.example"))
        miner.info["primaryPoolIndex"] = 4
    else:
        miner.info["stratumURL"] = "new.example"
    names = ("pools", "primaryPoolIndex", "stratumURL")
    pools = json.dumps([miner.info.get(name) for name in names])
    log: deque[str] = deque()
    left, control = LeftBehind(kept), control_of(miner)
    left.adopt(control, [Setting(0, "frequency_mhz", None, 485.0, "original")], log, pointed=True)
    settings = control.restore(overheated=False)
    settings += left.after_restore(settings, 5)
    assert {s.name: s.came_true for s in settings} == {"frequency_mhz": True, "own_pools": True}
    assert miner.info["frequency"] == 485
    assert json.dumps([miner.info.get(name) for name in names]) == pools
    assert "pools of its owner again" in log[0]
    assert kept.load() is None


def test_own_pools_that_are_stored_and_not_yet_restarted_for_are_put_back_once_more(
    kept: KeptOriginals,
) -> None:
    miner = FakeAxeos("head")
    left_by_a_capture(miner, kept)
    restarts = miner.restarts
    miner.info |= {"primaryPoolIndex": 0, "secondaryPoolIndex": 1}  # killed before it emptied our place
    left, control = LeftBehind(kept), control_of(miner)
    left.adopt(control, [Setting(0, "frequency_mhz", None, 485.0, "original")], deque(), pointed=True)
    settings = control.restore(overheated=False)
    assert left.after_restore(settings, 5) == []
    assert all(setting.came_true for setting in settings)
    assert miner.restarts > restarts
    assert [pool["id"] for pool in miner.info["pools"]] == [0, 1]


def test_an_older_capture_is_told_that_a_later_session_put_the_pools_back(kept: KeptOriginals) -> None:
    miner = FakeAxeos("head")
    left_by_a_capture(miner, kept)
    later, control = LeftBehind(kept), control_of(miner)
    assert later.of_an_earlier_capture(control, deque()) is not None
    later.after_restore(control.restore(overheated=False), 0)
    own = [Setting(0, "frequency_mhz", None, 485.0, "original")]
    log: deque[str] = deque()
    older, control = LeftBehind(kept), control_of(miner)
    older.adopt(control, own, log, pointed=True)
    (own_pools,) = older.after_restore(control.restore(overheated=False), 5)
    assert own_pools.came_true and "by another session" in log[0]
    left_by_a_capture(miner, kept)  # and it is not once it is changed again
    kept.path.unlink()
    LeftBehind(kept).adopt(control_of(miner), own, log, pointed=True)
    assert "have to be by hand" in log[-1]


@pytest.mark.parametrize(("read_back", "rows"), [(1.0, 0), (None, 1)])
def test_pools_that_the_capture_says_are_back_are_not_asked_for_again(
    kept: KeptOriginals, read_back: float | None, rows: int
) -> None:
    settings = [
        Setting(0, "frequency_mhz", None, 485.0, "original"),
        Setting(1, "own_pools", 1.0, read_back, "restored"),
    ]
    left, control = LeftBehind(kept), control_of(FakeAxeos("live"))
    left.adopt(control, settings, deque(), pointed=True)
    assert len(left.after_restore(control.restore(overheated=False), 5)) == rows


def test_settings_changed_before_a_kill_and_before_the_pointing_are_named(kept: KeptOriginals) -> None:
    miner = FakeAxeos("old")
    left = LeftBehind(kept)
    left.found(control_of(miner).originals())
    left.keep(control_of(miner), SERVER, 1_700_000_000_000_000_000)
    miner.info |= {"frequency": 400, "autofanspeed": 0}
    log: deque[str] = deque()
    assert LeftBehind(kept).of_an_earlier_capture(control_of(miner), log) is None
    assert "frequency_mhz was 485, is 400; auto_fan was 1, is 0" in log[1]
    assert "restore FILE" in log[1]


def test_numbers_of_a_miner_that_is_pointed_by_hand_are_kept_and_no_pool(kept: KeptOriginals) -> None:
    miner = FakeAxeos("live")
    control, left = control_of(miner), LeftBehind(kept)
    left.found(control.originals())
    left.keep(control, SERVER, 0, by_hand=True)
    content = kept.load()
    assert content is not None
    assert (content["pools"], content["numbers"]["frequency_mhz"]) == (None, 485.0)  # type: ignore[index,call-overload]
    miner.info |= {"stratumURL": SERVER.host, "stratumPort": SERVER.port, "frequency": 450}  # by hand; killed
    later, again = LeftBehind(kept), control_of(miner)
    assert later.of_an_earlier_capture(again, deque()) is not None
    assert later.after_restore(again.restore(overheated=False), 0) == []
    assert miner.info["frequency"] == 485
    assert miner.info["stratumURL"] == SERVER.host
    assert kept.load() is None


def test_what_another_capture_keeps_is_not_forgotten(kept: KeptOriginals) -> None:
    left_by_a_capture(miner := FakeAxeos("live"), kept)
    stranger = LeftBehind(kept)
    assert stranger.after_restore([], 0) == []
    stranger.adopt(
        control_of(miner), [Setting(0, "frequency_mhz", None, 485.0, "original")], deque(), pointed=False
    )
    assert stranger.after_restore([], 0) == []
    assert kept.load() is not None


@pytest.mark.parametrize("content", [{"server_host": 5}, {"server_host": "a", "server_port": "b"}, {}])
def test_a_kept_file_without_a_server_is_as_good_as_none(
    kept: KeptOriginals, content: dict[str, object]
) -> None:
    kept.store(json.loads(json.dumps(content)))
    miner = FakeAxeos("live")
    assert LeftBehind(kept).of_an_earlier_capture(control_of(miner), deque()) is None
    assert not miner.writes()


def test_a_damaged_kept_file_is_said_and_nothing_is_done(kept: KeptOriginals) -> None:
    kept.store({})
    kept.path.write_bytes(b"{")
    miner = FakeAxeos("live")
    with pytest.raises(BadFile, match="cannot be used"):
        LeftBehind(kept).of_an_earlier_capture(control_of(miner), deque())
    assert not miner.writes()

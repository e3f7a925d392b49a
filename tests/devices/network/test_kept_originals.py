"""The file that remembers a miner's own pools: durable, its owner's alone, one capture at a time."""

from __future__ import annotations

import fcntl
import json
import stat
from pathlib import Path

import pytest

from asicrc.devices.network.kept_originals import KeptOriginals, fingerprint, folder
from asicrc.errors import BadFile, DeviceError, StorageError


@pytest.fixture(autouse=True)
def state(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_what_is_stored_is_there_for_its_owner_alone_until_it_is_discarded() -> None:
    kept = KeptOriginals("axeos-10.0.0.7-80")
    assert kept.load() is None
    kept.store({"pools": {"own": "wallet"}})
    assert stat.S_IMODE(kept.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder().stat().st_mode) == 0o700
    assert kept.load() == {"form": 1, "pools": {"own": "wallet"}}
    kept.store({"pools": {}})
    assert kept.load() == {"form": 1, "pools": {}}
    assert [path.name for path in folder().iterdir()] == [kept.path.name]
    kept.discard()
    kept.discard()
    assert kept.load() is None


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"form": 2}', b"\xff", b'{"form": 1e400}', b"[" * 5000]
)
def test_what_was_not_written_so_is_not_believed(content: bytes) -> None:
    kept = KeptOriginals("x")
    kept.store({})
    kept.path.write_bytes(content)
    with pytest.raises(BadFile, match="cannot be used"):
        kept.load()


def test_a_file_that_others_may_read_or_a_link_is_not_believed(tmp_path: Path) -> None:
    kept = KeptOriginals("x")
    kept.store({})
    kept.path.chmod(0o644)
    with pytest.raises(BadFile, match="not yours alone"):
        kept.load()
    kept.path.unlink()
    (tmp_path / "other").write_text(json.dumps({"form": 1}))
    kept.path.symlink_to(tmp_path / "other")
    with pytest.raises(BadFile):
        kept.load()


def test_a_second_capture_waits_for_the_end_of_the_first() -> None:
    kept = KeptOriginals("x")
    with kept.held():
        with pytest.raises(DeviceError, match="another capture"), KeptOriginals("x").held():
            pass
        with KeptOriginals("y").held():
            pass
    with KeptOriginals("x").held():
        pass


def test_no_lock_is_left_and_none_is_held_on_a_file_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = KeptOriginals("x"), KeptOriginals("x")
    real, taken = fcntl.flock, []

    def flock(file: int, how: int) -> None:
        """The first holder ends between the second's opening of the file and its locking."""
        if not taken:
            taken.append(file)
            first.path.with_suffix(".lock").unlink()
        real(file, how)

    with first.held():
        pass
    assert list(folder().iterdir()) == []
    monkeypatch.setattr(fcntl, "flock", flock)
    with second.held(), pytest.raises(DeviceError, match="another capture"), KeptOriginals("x").held():
        pass
    assert list(folder().iterdir()) == []


def test_a_place_that_cannot_be_written_is_said_before_anything_else(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "file"))
    with pytest.raises(StorageError, match="cannot be kept"):
        KeptOriginals("x").store({})
    with pytest.raises(StorageError), KeptOriginals("x").held():
        pass
    assert fingerprint("aa:bb") is None


@pytest.mark.parametrize("key", ["../../etc/passwd", "a/b", "..", "", "axeos-fd00::1-80", "x" * 500])
def test_no_name_of_a_miner_leads_out_of_the_folder(key: str) -> None:
    assert KeptOriginals(key).path.parent == folder()
    assert len(KeptOriginals(key).path.name) < 120


def test_a_fingerprint_is_the_same_on_this_machine_and_tells_no_mac(state: Path) -> None:
    mine = fingerprint("AA:BB:CC:00:11:22")
    assert mine == fingerprint("aabbcc001122")
    assert mine != fingerprint("AA:BB:CC:00:11:23")
    assert mine is not None
    assert "aabb" not in mine
    key = state / "asicrc" / "miners" / "identity.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    key.unlink()
    assert fingerprint("AA:BB:CC:00:11:22") != mine

"""Kills, full disks, readers beside the writer, folders that cannot be written."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from capture_samples import EASY, easy_job, events_for, nonces_where, write_sample

from asicrc.capture import CaptureWriter, load, verify
from asicrc.capture.opening import reading
from asicrc.errors import BadFile

ROOT = Path(__file__).resolve().parents[2]

WRITE_FOR_EVER = """
    import sys
    import numpy as np
    from asicrc.capture import CaptureWriter
    from firmware_protocols.device import Reason, Verdict, empty_events

    path, resume, padding = sys.argv[1], sys.argv[2] == "resume", int(sys.argv[3])
    writer = CaptureWriter.resume(path) if resume else CaptureWriter.create(path, {})
    rng = np.random.default_rng(1)
    while True:
        events = empty_events(int(rng.integers(1, 400)))
        events["seq"] = writer.next_seq + np.arange(len(events))
        events["nonce"] = events["seq"] * 2654435761 % 2**32
        events["verdict"], events["reason"] = Verdict.UNKNOWN_JOB, Reason.NO_JOB
        writer.add_events(events)
        writer.add_log("x" * padding)
        print(writer.commit(), flush=True)
"""


def run(
    code: str, *arguments: str, check: bool = True, **options: object
) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *arguments],
        cwd=ROOT, capture_output=True, text=True, timeout=120, check=False, **options,  # type: ignore[call-overload]
    )  # fmt: skip
    if check and done.returncode:
        pytest.fail(f"exit code {done.returncode}: {done.stderr}")
    return done


def kill_while_writing(path: Path, how: str, seconds: float) -> int:
    """Start a writer, kill it without warning, return how many events it acknowledged."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITE_FOR_EVER), str(path), how, "20"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    first = process.stdout.readline()
    lines: list[str] = [first]
    drain = threading.Thread(target=lambda: lines.extend(process.stdout or []))
    drain.start()
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.wait(timeout=60)
    drain.join(timeout=60)
    process.stdout.close()
    complete = [line for line in lines if line.endswith("\n")]
    return int(complete[-1])


def check_numbered_events(path: Path, acknowledged: int) -> int:
    events = load(path).events()
    assert len(events) >= acknowledged
    np.testing.assert_array_equal(events["seq"], np.arange(len(events)))
    np.testing.assert_array_equal(events["nonce"], events["seq"] * 2654435761 % 2**32)
    return len(events)


def test_every_acknowledged_event_survives_kill_9(tmp_path: Path) -> None:
    kill_and_check(tmp_path / "a", kills=5)


def test_sealing_waits_for_one_who_is_just_looking(tmp_path: Path) -> None:
    path, looks = tmp_path / "a.asicrc", threading.Event()
    writer = CaptureWriter.create(path, {})
    writer.add_log("x")
    writer.commit()

    def look() -> None:
        with reading(path) as (connection, _):
            connection.execute("SELECT count(*) FROM log").fetchone()
            looks.set()
            time.sleep(0.3)

    looking = threading.Thread(target=look)
    looking.start()
    assert looks.wait(50)
    writer.seal("done")
    looking.join()
    assert load(path).sealed


@pytest.mark.soak
@pytest.mark.timeout(400)
def test_every_acknowledged_event_survives_20_kills(tmp_path: Path) -> None:
    kill_and_check(tmp_path / "a", kills=20)


def kill_and_check(path: Path, kills: int) -> None:
    rng = np.random.default_rng(20)
    for i in range(kills):
        acknowledged = kill_while_writing(path, "resume" if i else "create", float(rng.uniform(0, 0.4)))
        found = check_numbered_events(path, acknowledged)
        print(f"kill {i + 1}: {acknowledged} events acknowledged, {found} found")
    with CaptureWriter.resume(path) as writer:
        assert writer.segment == kills
        writer.seal("killed often enough")
    check_numbered_events(path, acknowledged)
    report = verify(path)
    assert report.digest_ok
    assert report.disagreements == 0


def test_a_live_file_is_readable_at_every_moment(tmp_path: Path) -> None:
    path = tmp_path / "a"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(WRITE_FOR_EVER), str(path), "create", "20"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    lengths = []
    try:
        for _ in range(8):
            acknowledged = int(process.stdout.readline())
            lengths.append(check_numbered_events(path, acknowledged))
    finally:
        process.kill()
        process.wait(timeout=60)
        process.stdout.close()
    assert lengths == sorted(lengths)
    assert not load(path).sealed


def test_reading_while_the_same_process_writes_and_seals(tmp_path: Path) -> None:
    path = tmp_path / "a"
    capture = None
    with CaptureWriter.create(path, {}) as writer:
        capture = load(path)
        for i in range(5):
            writer.add_events(events_for(easy_job(1), [i], i))
            assert len(capture.events()) == i, "rows show when they are committed"
            writer.commit()
            assert len(capture.events()) == i + 1
        writer.seal("done")
    assert capture.sealed
    assert len(capture.events()) == 5


def killed_capture(folder: Path) -> tuple[Path, int]:
    """An unsealed file whose rows are partly in its log, as a kill leaves it."""
    path = folder / "a.asicrc"
    return path, kill_while_writing(path, "create", 0.05)


def test_unsealed_file_without_its_companions_is_readable(tmp_path: Path) -> None:
    path, _ = killed_capture(tmp_path)
    lonely = tmp_path / "copy" / "b.asicrc"
    lonely.parent.mkdir()
    shutil.copy(path, lonely)
    assert not load(lonely).sealed
    check_numbered_events(lonely, 0)


def test_a_log_with_a_torn_tail_loses_the_last_commit_at_most(tmp_path: Path) -> None:
    path, acknowledged = killed_capture(tmp_path)
    log = Path(f"{path}-wal")
    os.truncate(log, log.stat().st_size - 137)
    assert check_numbered_events(path, 0) >= acknowledged - 2 * 400


def test_verify_of_a_live_file_agrees_at_every_moment(tmp_path: Path) -> None:
    """Jobs and events are read one after the other while more of both arrive."""
    path = tmp_path / "a"
    code = """
        import sys
        import numpy as np
        from asicrc.capture import CaptureWriter, Verifier
        sys.path.insert(0, sys.argv[2])
        from capture_samples import easy_job, events_for

        writer, verifier = CaptureWriter.create(sys.argv[1], {}), Verifier()
        while True:
            job = easy_job(writer.next_job)
            verifier.add_job(job)
            events = events_for(job, list(range(50)), writer.next_seq)
            verifier.judge(events)
            writer.add_jobs([job])
            writer.add_events(events)
            print(writer.commit(), flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code), str(path), str(Path(__file__).parent)],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        for _ in range(10):
            acknowledged = int(process.stdout.readline())
            report = verify(path)
            assert report.disagreements == 0
            assert report.counters.events >= acknowledged
            assert report.counters.unknown_job == 0
    finally:
        process.kill()
        process.wait(timeout=60)
        process.stdout.close()


READ_AS_NOBODY = """
    import os, sys
    from asicrc.capture import load
    from asicrc.errors import BadFile
    from firmware_protocols.device import empty_events
    if os.geteuid() == 0:
        os.setgid(65534)
        os.setuid(65534)
    try:
        with open(os.path.join(os.path.dirname(sys.argv[1]), "probe"), "w"):
            sys.exit("the folder can be written")
    except PermissionError:
        pass
    try:
        print(len(load(sys.argv[1]).events()))
    except BadFile as error:
        print("BadFile", error.message, "|", error.hint)
"""


@pytest.fixture
def locked(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """A folder that another user can enter and list, but not write."""
    folder = tmp_path_factory.mktemp("locked")
    opened = [
        parent for parent in folder.parents if parent.stat().st_uid == os.getuid() and parent != Path("/tmp")
    ]
    modes = [(parent, parent.stat().st_mode) for parent in opened if not parent.stat().st_mode & 0o001]
    for parent, mode in modes:
        parent.chmod(mode | 0o001)
    yield folder
    folder.chmod(0o755)
    for parent, mode in modes:
        parent.chmod(mode)


def read_as_nobody(folder: Path, path: Path) -> str:
    folder.chmod(0o555)
    return run(READ_AS_NOBODY, str(path)).stdout.strip()


def test_sealed_file_in_a_folder_that_cannot_be_written(locked: Path) -> None:
    _, events = write_sample(locked / "a.asicrc")
    assert read_as_nobody(locked, locked / "a.asicrc") == str(len(events))


def test_unsealed_file_in_a_folder_that_cannot_be_written(locked: Path) -> None:
    _, events = write_sample(locked / "a.asicrc", sealed=False)
    assert read_as_nobody(locked, locked / "a.asicrc") == str(len(events))


def test_killed_file_in_a_folder_that_cannot_be_written(locked: Path) -> None:
    path, acknowledged = killed_capture(locked)
    for companion in locked.iterdir():
        companion.chmod(0o644)
    answer = read_as_nobody(locked, path)
    if answer.startswith("BadFile"):
        assert "copy a.asicrc and a.asicrc-wal together" in answer
    else:
        assert int(answer) >= acknowledged
    locked.chmod(0o755)
    Path(f"{path}-shm").unlink()
    assert "copy a.asicrc and a.asicrc-wal together" in read_as_nobody(locked, path)


FILL = """
    import resource, sys
    from asicrc.errors import StorageError
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[4]), resource.RLIM_INFINITY))
    try:
        exec(compile(sys.argv[5], "writer", "exec"))
    except StorageError as error:
        print("|".join([str(int(error.exit_code)), error.message, error.hint]))
"""


def test_full_disk_is_one_clear_error_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for how in ("create", "resume"):
        done = run(FILL, str(path), how, "1000", str(2_000_000), textwrap.dedent(WRITE_FOR_EVER))
        *acknowledged, last = done.stdout.splitlines()
        code, message, hint = last.split("|")
        assert code == "6"
        assert str(path) in message
        assert "free space" in hint
        assert done.stderr == ""
        found = check_numbered_events(path, int(acknowledged[-1]) if acknowledged else 0)
        if acknowledged:
            assert f"the {acknowledged[-1]} events committed so far are safe" in message
    assert found > 1000
    with CaptureWriter.resume(path) as writer:
        writer.seal("space was freed")
    assert verify(path).digest_ok


@pytest.mark.parametrize("limit", [0, 20_000])
def test_no_room_to_create_leaves_nothing(tmp_path: Path, limit: int) -> None:
    done = run(FILL, str(tmp_path / "a"), "create", "0", str(limit), textwrap.dedent(WRITE_FOR_EVER))
    assert done.stdout.startswith("6|cannot create")
    assert list(tmp_path.iterdir()) == []


def test_interrupt_while_sealing_leaves_an_unsealed_capture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    with CaptureWriter.create(tmp_path / "a", {}) as writer:
        writer.add_events(events_for(easy_job(1), nonces_where(easy_job(1), 2, 0, EASY)))
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("asicrc.capture.sealing.content_digest", interrupted)
            writer.seal("done")
    capture = load(tmp_path / "a")
    assert not capture.sealed
    assert "end_reason" not in capture.meta
    assert len(capture.events()) == 2
    with CaptureWriter.resume(tmp_path / "a") as writer:
        writer.seal("done")
    assert load(tmp_path / "a").sealed


def test_resuming_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"no capture" * 1000)
    with pytest.raises(BadFile) as error:
        CaptureWriter.resume(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"no capture" * 1000
    assert "not a capture" in error.value.message

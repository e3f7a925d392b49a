"""What has to be remembered to give a miner back: a file of the user's own, written before the first change.

A capture is made to be passed on, so a miner's pools do not stand in it: their users are wallets. They are
kept in `$XDG_STATE_HOME/asicrc/miners` (usually ~/.local/state), mode 0600, until they were put back. Then an
empty file stays in its place, so that a later `restore` of an older capture knows that they are.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from asicrc.errors import BadFile, DeviceError, StorageError
from firmware_protocols.errors import RemoteProtocolError
from firmware_protocols.json_values import JsonObject, read_object, write_json

FORM = 1
MOST_BYTES = 1 << 20
KEY_BYTES = 32
BACK = ".back"
MOST_BACK = 64
"""Miners of which it is remembered that they were put back: emulated ones are others each time."""


def folder() -> Path:
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "asicrc" / "miners"


def fingerprint(mac: str) -> str | None:
    """Names a miner on this machine alone: without the key of this machine nobody finds the MAC from it.

    None where no key can be kept here.
    """
    try:
        key = _machine_key()
    except OSError:
        return None
    digits = re.sub(r"[^0-9a-f]", "", mac.lower())
    return hmac.new(key, digits.encode(), hashlib.sha256).hexdigest()[:20]


class KeptOriginals:
    """The file of one miner. `key` names it: a fingerprint, or an address."""

    def __init__(self, key: str) -> None:
        self.path = folder() / (re.sub(r"[^A-Za-z0-9.-]+", "-", key).strip("-.")[:100] + ".json")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other captures away from the miner. Raises DeviceError while another one has it.

        The lock's file goes with it: those of emulated miners, on other ports each time, would pile up.
        """
        path = self.path.with_suffix(".lock")
        try:
            _make_folder(path.parent)
            file = _locked(path)
        except OSError as error:
            raise self._failed(error) from None
        if file is None:
            raise DeviceError(
                "another capture on this machine drives this miner", "wait for its end, or end it"
            )
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # a file that is left behind is locked by nobody
                path.unlink()
            os.close(file)

    def load(self) -> JsonObject | None:
        """What a capture that did not end in order has left. Raises BadFile for what was not written here."""
        try:
            file = os.open(self.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unreadable(error.strerror or "") from None
        with os.fdopen(file, "rb") as stream:
            found = os.fstat(stream.fileno())
            if found.st_uid != os.geteuid() or found.st_mode & 0o077:
                raise self._unreadable("it is not yours alone")
            data = stream.read(MOST_BYTES + 1)
        try:
            content = read_object(data, self.path.name, limit=MOST_BYTES)
        except RemoteProtocolError as error:
            raise self._unreadable(str(error)) from None
        if content.get("form") != FORM:
            raise self._unreadable("it is of another version of asicrc")
        return content

    def store(self, content: JsonObject) -> None:
        """Durable when this returns. Raises StorageError."""
        new = self.path.with_suffix(f".{os.getpid()}.new")
        try:
            _make_folder(self.path.parent)
            with contextlib.suppress(FileNotFoundError):
                new.unlink()
            _write(new, write_json({"form": FORM} | content))
            self._mark.unlink(missing_ok=True)
            new.replace(self.path)
            _sync_folder(self.path.parent)
        except OSError as error:
            with contextlib.suppress(OSError):
                new.unlink(missing_ok=True)  # half of what may be secret
            raise self._failed(error) from None

    def discard(self) -> None:
        """The miner is as it was, which is remembered. Raises StorageError."""
        try:
            if not self.path.exists():
                return
            self._mark.touch(mode=0o600)
            self.path.unlink(missing_ok=True)
            marks = sorted(self.path.parent.glob(f"*{BACK}"), key=lambda mark: mark.stat().st_mtime_ns)
            for mark in marks[:-MOST_BACK]:
                mark.unlink(missing_ok=True)
        except OSError as error:
            raise self._failed(error) from None

    @property
    def back_since_s(self) -> float | None:
        """When the miner was put back last, s since 1970; None where that is not remembered, or it is not."""
        try:
            return self._mark.stat().st_mtime
        except OSError:
            return None

    @property
    def _mark(self) -> Path:
        return self.path.with_suffix(BACK)

    def _failed(self, error: OSError) -> StorageError:
        return StorageError(
            f"the miner's own pools cannot be kept in {self.path.parent}: {error.strerror}",
            "XDG_STATE_HOME names another folder for them",
        )

    def _unreadable(self, why: str) -> BadFile:
        return BadFile(
            f"{self.path}, which should hold a miner's own pools, cannot be used: {why}",
            "look at it; once the miner's pools are as you want them, move the file away",
        )


def _machine_key() -> bytes:
    path = folder() / "identity.key"
    with contextlib.suppress(FileNotFoundError):
        key = path.read_bytes()
        if len(key) == KEY_BYTES:
            return key
    _make_folder(path.parent)
    key = secrets.token_bytes(KEY_BYTES)
    new = path.with_suffix(f".{os.getpid()}.new")
    _write(new, key)
    try:
        os.link(new, path)  # whoever comes first names the machine
    except FileExistsError:
        found = path.read_bytes()
        if len(found) == KEY_BYTES:
            return found
        new.replace(path)
    finally:
        new.unlink(missing_ok=True)
    return key


def _locked(path: Path) -> int | None:
    """A descriptor that holds the lock; None while another one does. Raises OSError where none can be had."""
    while True:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            return None
        except OSError:
            os.close(file)
            raise
        if os.fstat(file).st_nlink:
            return file
        os.close(file)  # its holder took the file away between our opening and locking it


def _make_folder(path: Path) -> None:
    path.mkdir(mode=0o700, parents=True, exist_ok=True)


def _write(path: Path, data: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _sync_folder(path: Path) -> None:
    file = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(file)
    finally:
        os.close(file)

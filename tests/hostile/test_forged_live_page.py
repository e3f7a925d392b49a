"""Files that were damaged or made to harm, on the live page: shown or told, and never an error of ours."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from forged_files import Commands, forged, meta
from test_forged_captures import FORGERIES, HOSTILE_JSON

from asicrc.telemetry.serve.followed import Followed
from asicrc.telemetry.serve.snapshot import as_line

LONGEST_S = 5.0
LOOKS = 30


def shown(path: Path) -> None:
    """Look until the file has been read to its end."""
    followed, begun = Followed(path), time.process_time()
    for _ in range(LOOKS):
        line = as_line(followed.look())
        found = json.loads(line, parse_constant=lambda text: pytest.fail(f"{text} is not JSON"))
        assert line.isascii() and b"\n" not in line and len(line) < 1_000_000
        assert found["problem"] or found["state"]
        if not followed.has_more:
            break
    assert not followed.has_more
    assert time.process_time() - begun < LONGEST_S


@pytest.mark.long
@pytest.mark.timeout(300)
def test_every_forgery(emulated: Path, commands: Commands, tmp_path: Path) -> None:
    for number, (name, edits) in enumerate(FORGERIES.items()):
        path = forged(emulated, tmp_path / f"{number}.asicrc", *edits)
        try:
            shown(path)
        except Exception as error:
            raise AssertionError(name) from error
        if number % 8 == 0 or "nasty" in name:
            assert commands("watch", path, "--json").code in (0, 4), name
            assert commands("watch", path, "--once").code in (0, 4), name


@pytest.mark.long
@pytest.mark.parametrize("key", ["sweep", "clock", "device_url", "end_reason", "identity"])
def test_hostile_json(key: str, emulated: Path, tmp_path: Path) -> None:
    for value in HOSTILE_JSON.values():
        shown(forged(emulated, tmp_path / "x.asicrc", meta(key, value)))

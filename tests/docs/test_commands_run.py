"""Each document from top to bottom, in an empty folder and a new home: no command fails.

Where a device stands that is not here, an emulated one of the same kind takes its place (`DEVICES`), and
captures end after some events (`ENOUGH`) instead of by time: how many come in a while is the machine's
business, and a reader's capture lasts long enough. Twins have a clock of their own. What is marked
`(by hand)` is parsed in `test_words_of_commands.py` alone. `asicrc` runs in this process, since it takes
longer to load than most commands do; other programs do not.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import matplotlib
import pytest
from documents import DOCUMENTS, Script, Written, steps_of

from asicrc.cli.main import _run
from asicrc.guides import guide_text

DEVICES = {
    "serial:/dev/ttyUSB0?chip=bm1366": "sim:bm1366",
    "bitaxe-raw:/dev/ttyACM0,/dev/ttyACM1?board=ultra": "sim:bitaxe",
    "axeos://192.168.1.40": "sim:lv06?profile=esp-head",
    "cgminer://192.168.1.41": "sim:s9?profile=bmminer",
    "luxos://192.168.1.42": "sim:s9?profile=luxos",
    "goldshell://192.168.1.43": "sim:lbbox",
}
FASTER = {
    "sim:lv06?profile=esp-head": "twin:lv06",
    "sim:s9?profile=bmminer": "twin:s9",
    "sim:lbbox": "twin:lbbox",
}
"""For captures, but in one guide: these emulators take their time, and have tests of their own."""
ENOUGH = {"chips": 200, "miners": 40}
"""Events after which a capture ends; its intervals can be analysed from 20 on."""
LONGEST = {"chips": "100s", "miners": "100s", "twins": "10m"}
"""How long a capture lasts at the most."""
DEMO = "6s"
LONGEST_S = 400


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "document",
    [path for path in DOCUMENTS if any(not getattr(step, "by_hand", False) for step in steps_of(path))],
    ids=lambda path: path.stem,
)
def test_a_reader_who_follows(
    document: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    home, place = tmp_path / "home", tmp_path / "place"
    home.mkdir()
    place.mkdir()
    for name in os.environ:
        if name.startswith(("ASICRC_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MPLCONFIGDIR", matplotlib.get_configdir())  # or each home would look for fonts again
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.chdir(place)
    monkeypatch.syspath_prepend(str(place))
    for step in steps_of(document):
        if isinstance(step, Written):
            Path(step.name).write_text(step.text)
        elif isinstance(step, Script):
            run([sys.executable, "-c", step.text])
        elif step.by_hand:
            continue
        elif step.words[:2] == ["pip", "install"]:
            install_here(place)
        elif step.words[0] != "asicrc":
            run([sys.executable if word == "python" else word for word in step.words], step.environment)
        else:
            words = as_here(step.words, patient=document.stem == "lv06")
            code = _run(words[1:])
            told = capfd.readouterr()
            assert code in step.exit_codes, (
                f"exit code {code} of {words}: {told.out[-1500:]}{told.err[-2000:]}"
            )
            assert "Traceback" not in told.err, f"{words}: {told.err}"


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_keys_that_the_guide_names_are_those_that_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    text = guide_text("json")
    commands = {
        "capture": "capture -d twin:s9?seed=1 --duration 60s -o a.asicrc",
        "capture --dry-run": "capture -d twin:s9 --dry-run",
        "list": "list",
        "verify": "verify a.asicrc",
        "watch": "watch a.asicrc",
        "export": "export a.asicrc",
        "analyze": "analyze a.asicrc",
        "heartbeat": "heartbeat a.asicrc --frequency-hz 2.4",
        "leakage": "leakage a.asicrc",
        "plan-size": "plan-size cv --shift 0.05",
        "plan-rate": "plan-rate --hashrate-ghs 500",
        "claims list": "claims list",
        "claims run": "claims run S27",
        "claims show": "claims show H01",
        "claims run --dry-run": "claims run S27 --dry-run",
        "guide": "guide",
    }
    for name, command in commands.items():
        row = re.search(rf"^\| `{name}` \| `([^`]+)`", text, re.MULTILINE)
        assert row is not None, f"the guide has no row of {name}"
        _run([*command.split(), "--json"])
        came = json.loads(capfd.readouterr().out)
        assert set(row[1].split(", ")) == set(came), f"{name}: {sorted(came)}"


def run(words: list[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        words, env=os.environ | (environment or {}), capture_output=True, text=True, timeout=LONGEST_S
    )
    assert done.returncode == 0, f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"


def as_here(words: list[str], patient: bool) -> list[str]:
    """The same command with what is here in the place of what is not."""
    words = [DEVICES.get(word, word) for word in words]
    if words[1] == "capture" and "--dry-run" not in words and not patient:
        words = [FASTER.get(word, word) for word in words]
    text = " ".join(words)
    kind = "twins" if "twin:" in text else "miners" if re.search(r"sim:(lv06|s9|lbbox)", text) else "chips"
    for place, word in enumerate(words[:-1]):
        if word == "--duration" and "--dry-run" not in words:
            words[place + 1] = shorter(words[place + 1], LONGEST[kind])
    if words[1] == "capture" and kind in ENOUGH and not {"--dry-run", "--replay-work"} & set(words):
        words += ["--max-events", str(ENOUGH[kind])]
    if words[:2] == ["asicrc", "demo"]:
        words += ["--duration", DEMO]
    return words


def shorter(duration: str, longest: str) -> str:
    units = {"s": 1, "m": 60, "h": 3600}
    lasts = [float(text[:-1]) * units[text[-1]] for text in (duration, longest)]
    return duration if lasts[0] <= lasts[1] else longest


def install_here(place: Path) -> None:
    """What `pip install --editable .` leaves of a project: its name and its entry points on the path."""
    project = tomllib.loads((place / "pyproject.toml").read_text())["project"]
    folder = place / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    groups = project["entry-points"]
    lines = [
        f"[{group}]\n" + "".join(f"{k} = {v}\n" for k, v in found.items()) for group, found in groups.items()
    ]
    (folder / "entry_points.txt").write_text("\n".join(lines))

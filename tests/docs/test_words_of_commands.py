"""Every `asicrc` in README and guides is a command that there is, with options and values that it takes."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import typer
from documents import DOCUMENTS, ROOT, asicrc_lines, steps_of

from asicrc.cli.main import CommandLineError, app
from asicrc.cli.panels import PANELS
from asicrc.guides import ORDER, guide_text, guides

COMMANDS: Any = typer.main.get_command(app)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_commands_and_options_exist(document: Path) -> None:
    for line in asicrc_lines(document):
        complaint = complaint_about(line)
        assert complaint is None, f"{document.name}: `{line}`: {complaint}"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("asicrc frobnicate", "frobnicate"),
        ("asicrc puf frobnicate", "frobnicate"),
        ("asicrc capture -d sim:bm1366 --durations 5s", "--durations"),
        ("asicrc capture -d sim:bm1366 --seed many", "--seed"),
        ("asicrc station init a b", "b"),
    ],
)
def test_what_is_wrong_is_found(line: str, complaint: str) -> None:
    assert complaint in (complaint_about(line) or "")


def test_every_command_is_in_the_readme_or_a_guide_and_under_a_heading() -> None:
    said = " ".join(line for document in DOCUMENTS for line in asicrc_lines(document)) + " "
    headings = {name for names in PANELS.values() for name in names}
    for name, command in COMMANDS.commands.items():
        assert f"asicrc {name} " in said, f"no document has a word of `asicrc {name}`"
        assert name in headings, f"`asicrc {name}` stands under no heading"
        assert command.help, f"`asicrc {name}` does not say what it does"
    assert headings <= set(COMMANDS.commands), "a heading names a command that there is not"


def test_guides_that_are_named_are_there() -> None:
    found = guides()
    assert set(ORDER) == set(found)
    for name, title in found.items():
        assert title and guide_text(name).startswith(f"# {title}\n")
    for document in DOCUMENTS:
        text = document.read_text(encoding="utf-8")
        for name in re.findall(r"asicrc guide ([a-z0-9-]+)", text):
            assert name in found, f"{document.name} speaks of a guide {name!r}"
        for path in re.findall(
            r"`((?:asicrc|experiments|firmware_protocols|simulators|tests)/[^`* ]+)`", text
        ):
            assert (ROOT / path).exists(), f"{document.name} speaks of {path}"
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            assert (document.parent / link).exists(), f"{document.name} links to {link}"


def test_documents_are_as_long_as_a_reader_lasts() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 215
    for document in DOCUMENTS:
        wide = [line for line in document.read_text(encoding="utf-8").splitlines() if len(line) > 130]
        assert all(line.startswith(("|", "$ ")) for line in wide), f"{document.name}: {wide}"
        assert steps_of(document) or asicrc_lines(document), f"{document.name} has nothing to do in it"


def complaint_about(line: str) -> str | None:
    """What the command line itself says of `asicrc ...`; None where nothing. A word may be missing."""
    words = shlex.split(line)
    words = words[words.index("asicrc") + 1 :]
    command, path = COMMANDS, "asicrc"
    while hasattr(command, "commands") and words and not words[0].startswith("-"):
        name = words.pop(0)
        if name.isupper() or name == "...":  # stands for any
            return None
        if name not in command.commands:
            return f"{path} has no command {name!r}"
        command, path = command.commands[name], f"{path} {name}"
    if hasattr(command, "commands") or set(words) & {"--help", "-h"}:
        return None
    try:
        command.make_context(path, words)
    except CommandLineError as error:
        if type(error).__name__ != "MissingParameter":
            return str(error.format_message() if hasattr(error, "format_message") else error)
    return None

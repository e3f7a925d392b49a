"""README and guides as what they promise: files to write, and commands to type.

In a block ```console every line that begins with `$ ` is a command. Its comment may begin with a word in
brackets for the tests and for the reader:

    (by hand)          needs a board, a network, minutes, or leave to install: only parsed here
    (exit code 0, 5)   what it may end with, instead of 0

A block ```python file=NAME or ```toml file=NAME is a file that the reader is asked to write. A block
```python without a name is run.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCUMENTS = (ROOT / "README.md", *sorted((ROOT / "asicrc" / "guides").glob("*.md")))

_BLOCK = re.compile(r"^```(\w*)[ ]?([^\n]*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(asicrc [^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Command:
    """`line` without its comment. `environment` is what stands before the program."""

    line: str
    by_hand: bool
    exit_codes: tuple[int, ...]

    @property
    def words(self) -> list[str]:
        return [word for word in shlex.split(self.line) if not re.fullmatch(r"[A-Z_]+=\S*", word)]

    @property
    def environment(self) -> dict[str, str]:
        words = shlex.split(self.line)
        return dict(word.split("=", 1) for word in words if re.fullmatch(r"[A-Z_]+=\S*", word))


@dataclass(frozen=True, slots=True)
class Written:
    """A file that the document has the reader write."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Script:
    """Python that is run as it stands."""

    text: str


def steps_of(document: Path) -> list[Command | Written | Script]:
    """What a reader does who goes through the document from top to bottom."""
    steps: list[Command | Written | Script] = []
    for language, info, body in _BLOCK.findall(document.read_text(encoding="utf-8")):
        if info.startswith("file="):
            steps.append(Written(info.removeprefix("file=").strip(), body))
        elif language == "python":
            steps.append(Script(body))
        elif language == "console":
            steps += [_command(line) for line in body.splitlines() if line.startswith("$ ")]
    return steps


def asicrc_lines(document: Path) -> list[str]:
    """Every `asicrc ...` in the document, in blocks and in running text."""
    lines = [step.line for step in steps_of(document) if isinstance(step, Command)]
    found = [line for line in lines if " asicrc " in f" {line}"]
    text = _BLOCK.sub("", document.read_text(encoding="utf-8"))
    return found + _INLINE.findall(text)


def _command(line: str) -> Command:
    said, _, comment = line.removeprefix("$ ").partition(" # ")
    by_hand = comment.strip().startswith("(by hand)")
    codes = re.match(r"\s*\(?exit code ([0-9, or]+)", comment)
    numbers = tuple(int(code) for code in re.findall(r"\d+", codes[1])) if codes else (0,)
    return Command(said.strip(), by_hand, numbers)

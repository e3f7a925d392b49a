"""What a page is made of. All text in it is plain and may come from anywhere: the template escapes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from asicrc.report.html.inline_figure import InlineFigure


@dataclass(frozen=True, slots=True)
class Tile:
    """One number that is looked for first. With `verdict` the value is shown as its chip."""

    label: str
    value: str
    beside: str = ""
    verdict: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """`kind` is "number", "words", "verdict", "code" or "". The first column of a table names its row."""

    title: str
    kind: str = ""


@dataclass(frozen=True, slots=True)
class RowGroup:
    title: str
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Table:
    template: ClassVar[str] = "table"
    caption: str
    columns: Sequence[Column]
    groups: Sequence[RowGroup]
    tall: bool = False
    """Scrolls in a box of limited height; on paper it is shown in full."""

    @classmethod
    def of(
        cls, caption: str, columns: Sequence[Column], rows: Sequence[Sequence[str]], *, tall: bool = False
    ) -> Table:
        return cls(caption, columns, [RowGroup("", rows)], tall)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Names and what they have. `title` is a heading of the third level, or nothing."""

    template: ClassVar[str] = "pairs"
    rows: Sequence[tuple[str, str]]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Picture:
    """`says` is the text for those who do not see it, `caption` the one below it."""

    drawing: InlineFigure
    name: str
    caption: str
    says: str
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Pictures:
    template: ClassVar[str] = "pictures"
    pictures: Sequence[Picture]


@dataclass(frozen=True, slots=True)
class Text:
    template: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True, slots=True)
class Command:
    template: ClassVar[str] = "command"
    says: str
    command: str


@dataclass(frozen=True, slots=True)
class Notice:
    """What has to be known before the numbers are read. A calm one is no warning."""

    template: ClassVar[str] = "notice"
    lines: Sequence[str]
    calm: bool = False


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict with its question and its reason."""

    question: str
    verdict: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    template: ClassVar[str] = "verdicts"
    judged: Sequence[Judged]


@dataclass(frozen=True, slots=True)
class ClaimCard:
    """A claim with its verdicts (question and word), what is said of it, and its numbers."""

    template: ClassVar[str] = "claim"
    id: str
    title: str
    claimed: str
    where: str
    chips: Sequence[tuple[str, str]]
    note: str
    beside: Sequence[str]
    numbers: Table | None


Block = ClaimCard | Table | Pairs | Pictures | Text | Command | Notice | Verdicts


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    title: str
    blocks: Sequence[Block]


@dataclass(frozen=True, slots=True)
class Page:
    """`facts` are name and value, one line below the title."""

    kind: str
    title: str
    lead: str
    facts: Sequence[tuple[str, str]] = ()
    notices: Sequence[Notice] = ()
    tiles: Sequence[Tile] = ()
    sections: Sequence[Section] = field(default_factory=tuple)

"""Where a figure may go, and what to say when it cannot."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from asicrc.errors import StorageError, UsageError
from asicrc.whole_file import check_place

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURE_SUFFIXES = (".png", ".pdf", ".svg")
_DPI = 150


def check_figure_name(path: Path) -> None:
    """Raises UsageError for a name that stands for no kind of figure, StorageError for one in a folder that
    cannot be written; asked before anything is computed."""
    if path.suffix not in FIGURE_SUFFIXES:
        raise UsageError(f"no figure is written as {path.name!r}", f"end it in {', '.join(FIGURE_SUFFIXES)}")
    check_place(path)


def save_figure(figure: Figure, path: Path) -> None:
    """Raises StorageError."""
    try:
        figure.savefig(path, dpi=_DPI)
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror or error}", "check the folder and the space in it"
        ) from None

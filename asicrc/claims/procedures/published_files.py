"""The files of published data: which of them a folder has, and what is said where it lacks one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

from asicrc.claims.outcome import ClaimOutcome
from asicrc.claims.procedure import Context, Procedure
from asicrc.claims.procedures.deciding import DATA, FROM_DATA, answered, computed_in
from asicrc.claims.registry import PUBLISHED_FILES
from asicrc.errors import UsageError
from asicrc.evidence import EvidenceVerdict


def published(context: Context, name: str) -> Path | None:
    """Path of a published file by its name here or the one that it was published under; None without it.

    Raises UsageError where the folder of data is none.
    """
    if context.data is None:
        return None
    if not context.data.is_dir():
        raise UsageError(f"{context.data} is no folder", "--data takes the folder with the published files")
    for tried in (name, PurePosixPath(PUBLISHED_FILES[name].published_as).name):
        if (context.data / tried).is_file():
            return context.data / tried
    return None


def where_published(*names: str) -> str:
    """What is needed, for a person: the files, and where they are."""
    return "--data DIR with " + " and ".join(PUBLISHED_FILES[name].in_words() for name in names)


def without_files(claim: str, *names: str) -> ClaimOutcome:
    """The outcome of a claim that published files decide, where they are not here."""
    untestable = EvidenceVerdict.NOT_TESTABLE_HERE
    what = " and ".join(f"{name} ({PUBLISHED_FILES[name].what})" for name in names)
    note = f"This claim is decided by published data that are not here: {what}."
    return ClaimOutcome(claim, FROM_DATA, untestable, untestable, note=note, needs=where_published(*names))


def procedure_of_file(
    claim: str, name: str, answer: Callable[[Context, Path], ClaimOutcome], seconds: float
) -> Procedure:
    """Of a claim that one published file decides."""

    def ask(context: Context) -> ClaimOutcome:
        path = published(context, name)
        if path is None:
            return without_files(claim, name)
        return answered(claim, FROM_DATA, lambda: answer(context, path))

    return Procedure(claim, frozenset({DATA}), ask, computed_in(seconds))

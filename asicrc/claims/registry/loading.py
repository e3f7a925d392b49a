"""The registry's TOML files, checked as they are read: a claim without a margin is no claim."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from asicrc.claims.claim import Claim, Kind, Takes

PAPERS = {"first_paper.toml": "2601.01916", "second_paper.toml": "2601.12032"}
_TEXTS = (
    "id",
    "where",
    "title",
    "claimed",
    "definition",
    "procedure",
    "margin",
    "supports",
    "refutes",
    "data",
)


@dataclass(frozen=True, slots=True)
class PublishedFile:
    """A file of published data: `name` is that in a folder of data."""

    name: str
    repository: str
    published_as: str
    what: str

    def in_words(self) -> str:
        under = "" if self.published_as == self.name else f"{self.published_as} "
        return f"{self.name} ({under}in {self.repository})"


def load_claims(ids: Sequence[str]) -> dict[str, Claim]:
    """Raises ValueError for a registry that has other claims than `ids`, in another order, or a bad one."""
    found = [claim for name, paper in PAPERS.items() for claim in read_claims(_table(name), paper)]
    names = [claim.id for claim in found]
    if names != list(ids):
        raise ValueError(f"the registry has {', '.join(names)}")
    known = load_published_files()
    for claim in found:
        if unknown := set(claim.files) - set(known):
            raise ValueError(f"{claim.id}: nothing says where {', '.join(sorted(unknown))} is published")
    return {claim.id: claim for claim in found}


def load_published_files() -> dict[str, PublishedFile]:
    return {entry["name"]: PublishedFile(**entry) for entry in _table("published_files.toml")["file"]}


def read_claims(table: Mapping[str, Any], paper: str) -> list[Claim]:
    """Raises ValueError, naming the claim, for a text that is missing or empty and for keys unknown."""
    return [_claim(entry, paper) for entry in table["claim"]]


def _claim(entry: Mapping[str, Any], paper: str) -> Claim:
    name = entry.get("id", "a claim without an id")
    known = {*_TEXTS, "kinds", "experiment", "files", "takes"}
    if unknown := set(entry) - known:
        raise ValueError(f"{name}: {', '.join(sorted(unknown))} is not known")
    for key in _TEXTS:
        if not isinstance(entry.get(key), str) or not entry[key].strip():
            raise ValueError(f"{name}: {key} is missing")
    try:
        kinds = tuple(Kind(letter) for letter in entry["kinds"])
        takes = None if "takes" not in entry else Takes(**_tuples(entry["takes"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{name}: {error}") from None
    if not kinds:
        raise ValueError(f"{name}: of no kind")
    return Claim(
        paper=paper,
        kinds=kinds,
        experiment=entry.get("experiment", ""),
        files=tuple(entry.get("files", ())),
        takes=takes,
        **{key: entry[key] for key in _TEXTS},
    )


def _tuples(table: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(files(__package__).joinpath(name).read_text(encoding="utf-8"))

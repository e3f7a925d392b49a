"""The experiments that the first paper asks for, by name, and how a command line names claims."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from asicrc.claims.claim import Claim
from asicrc.errors import UsageError

TABLE_VII: Mapping[str, tuple[str, ...]] = {
    "long-record-psd": ("H04",),
    "invalid-shares": ("H13",),
    "multi-chip": ("H15",),
    "narma-10": ("S01",),
    "mackey-glass": ("H16",),
    "echo-state": ("H06",),
    "network-bypass": ("H14",),
}
"""Table VII of arXiv 2601.01916. The bypass of the network is a direct serial line."""


def chosen_ids(words: Iterable[str], claims: Mapping[str, Claim]) -> tuple[str, ...]:
    """Ids in the registry's order from ids, names of Table VII and "table-vii"; all of them for no word.

    Raises UsageError for a word that is neither.
    """
    asked = set()
    for word in words:
        if word.upper() in claims:
            asked.add(word.upper())
        elif word.lower() in TABLE_VII:
            asked.update(TABLE_VII[word.lower()])
        elif word.lower() == "table-vii":
            asked.update(*TABLE_VII.values())
        else:
            first, last = next(iter(claims)), list(claims)[-1]
            raise UsageError(
                f"{word!r} is neither a claim nor an experiment",
                f"a claim from {first} to {last} (`asicrc claims list`), table-vii, or one of "
                f"{', '.join(TABLE_VII)}",
            )
    return tuple(name for name in claims if not asked or name in asked)

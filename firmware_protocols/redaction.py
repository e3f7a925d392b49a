"""What may be stored of a device's answer: numbers, flags, and only those texts that are known to be safe.

The list names what is kept, never what is hidden: a fork of a firmware may report a secret under any name.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from firmware_protocols.json_values import JsonValue

REDACTED = "[redacted]"
MIN_SECRET = 4
"""Characters from which on a secret is also looked for inside the texts that are kept."""


def redacted(
    tree: Mapping[str, Any], harmless: Collection[str], secret: Collection[str]
) -> dict[str, JsonValue]:
    """A copy of `tree` in which every text outside the fields named in `harmless` is REDACTED.

    What stands in the fields named in `secret` is looked for in all that is kept, names of members too,
    whole, in its parts and without its punctuation: a host name may contain an address, a worker a wallet.
    Below a member `extra`, which holds what is not understood, no text is harmless. Members that are None,
    `()` or `{}` are left out.
    """
    secrets: set[str] = set()
    _collect(tree, "", secret, secrets)
    return _kept_members(tree, harmless, secrets)


def _collect(value: Any, name: str, secret: Collection[str], secrets: set[str]) -> None:
    if isinstance(value, Mapping):
        for key, member in value.items():
            _collect(member, str(key), secret, secrets)
    elif isinstance(value, str):
        if name in secret:
            for part in (value, *re.split(r"[\s.,:;/@|=]+", value)):
                secrets.update(form for form in (part.lower(), _bare(part)) if len(form) >= MIN_SECRET)
    elif isinstance(value, Sequence):
        for member in value:
            _collect(member, name, secret, secrets)


def _kept_members(
    tree: Mapping[str, Any], harmless: Collection[str], secrets: set[str]
) -> dict[str, JsonValue]:
    kept: dict[str, JsonValue] = {}
    for key, value in tree.items():
        if value is not None and value != () and value != {}:
            name = str(key)
            shown = REDACTED if _contains(name, secrets) else name
            kept[shown] = _kept(value, name, () if name == "extra" else harmless, secrets)
    return kept


def _kept(value: Any, name: str, harmless: Collection[str], secrets: set[str]) -> JsonValue:
    if isinstance(value, Mapping):
        return _kept_members(value, harmless, secrets)
    if isinstance(value, str):
        return value if name in harmless and not _contains(value, secrets) else REDACTED
    if isinstance(value, Sequence):
        return [_kept(member, name, harmless, secrets) for member in value]
    kept: JsonValue = value
    return kept


def _contains(text: str, secrets: set[str]) -> bool:
    lower, bare = text.lower(), _bare(text)
    return any(secret in lower or secret in bare for secret in secrets)


def _bare(text: str) -> str:
    return re.sub(r"[\W_]+", "", text.lower())

"""Replies of the cgminer family: a status and sections of records, in JSON or in text, with a NUL behind.

ckolivas/cgminer: API-README and api.c.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from typing import Any

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    severity: str
    code: int
    message: str
    sections: dict[str, list[Record]] = field(default_factory=dict)

    @classmethod
    def success(cls, code: int, message: str, **sections: list[Record]) -> Reply:
        return cls("S", code, message, sections)

    @classmethod
    def error(cls, code: int, message: str) -> Reply:
        return cls("E", code, message)

    def status(self, description: str) -> Record:
        return {
            "STATUS": self.severity,
            "When": int(time.time()),
            "Code": self.code,
            "Msg": self.message,
            "Description": description,
        }

    def members(self, description: str) -> dict[str, Any]:
        """As the object that JSON has."""
        return {"STATUS": [self.status(description)], **self.sections, "id": 1}


INVALID_COMMAND = Reply.error(14, "Invalid command")
PROBLEMS = {23: Reply.error(23, "Invalid JSON"), 24: Reply.error(24, "Missing JSON 'command'")}


def as_json(value: dict[str, Any]) -> str:
    return json.dumps(value, separators=(",", ":"))


def as_text(reply: Reply, description: str) -> str:
    """`STATUS=S,When=...|SUMMARY,Elapsed=...|`; where there can be several, records begin with a number."""
    parts = [_words(reply.status(description))]
    for name, records in reply.sections.items():
        first = records[0] if records else {}
        numbered = next(iter(first), "").rstrip("S") == name.rstrip("S")
        parts += [(_words(record) if numbered else f"{name},{_words(record)}") for record in records]
    return "|".join(parts) + "|"


def _words(record: Record) -> str:
    return ",".join(f"{key}={_escaped(value)}" for key, value in record.items())


def _escaped(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.2f}"
    text = str(value)
    for character in "\\,|=":
        text = text.replace(character, f"\\{character}")
    return text

"""The registry has every claim, as the reference numbers them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer

from asicrc.claims.planning import takes_in_words
from asicrc.claims.registry import CLAIMS, IDS, PUBLISHED_FILES, TABLE_VII, chosen_ids
from asicrc.claims.registry.loading import read_claims
from asicrc.cli.main import app
from asicrc.errors import UsageError
from asicrc.evidence.planned_sizes import QUANTITIES

REFERENCE = Path(__file__).resolve().parents[3] / "shared" / "reference" / "claim-registry.md"
GOOD = """
[[claim]]
id = "H01"
where = "VI.A"
kinds = ["E"]
title = "a"
claimed = "b"
definition = "c"
procedure = "d"
margin = "0.05"
supports = "e"
refutes = "f"
data = "g"
"""


def test_all_49_claims_are_there_in_order() -> None:
    assert len(IDS) == 49
    assert tuple(CLAIMS) == IDS
    assert all(
        claim.paper == ("2601.01916" if name[0] == "H" else "2601.12032") for name, claim in CLAIMS.items()
    )


def test_ids_and_kinds_are_those_of_the_reference() -> None:
    if not REFERENCE.is_file():
        pytest.skip("the reference is not in ../shared beside the checkout")
    rows = [
        [cell.strip() for cell in line.replace("\\|", "/").strip("|\n ").split("|")]
        for line in REFERENCE.read_text().splitlines()
        if re.match(r"\| [HS]\d\d ", line)
    ]
    assert [row[0] for row in rows] == list(IDS)
    for name, _, _, kind, _ in rows:
        assert {one.value for one in CLAIMS[name].kinds} == set(re.findall(r"\b[ACOED]\b|-", kind)), name


def test_no_two_claims_read_alike() -> None:
    for key in ("title", "claimed"):
        assert len({getattr(claim, key) for claim in CLAIMS.values()}) == 49


def test_what_a_device_would_have_to_bring_can_be_planned() -> None:
    for claim in CLAIMS.values():
        if claim.takes is not None:
            assert not claim.takes.quantity or claim.takes.quantity in QUANTITIES
            assert claim.takes.events_per_device() > 0 or claim.takes.minutes > 0
            assert "device" in takes_in_words(claim)
    assert 4_000 < CLAIMS["H01"].takes.events_per_setting() < 8_000  # type: ignore[union-attr]
    assert CLAIMS["H17"].takes.devices == 20  # type: ignore[union-attr]


def test_the_published_files_are_named_with_their_repositories() -> None:
    assert all(one.repository.startswith("https://github.com/") for one in PUBLISHED_FILES.values())
    assert all(set(claim.files) <= set(PUBLISHED_FILES) for claim in CLAIMS.values())


def test_table_vii_has_seven_experiments() -> None:
    assert list(TABLE_VII.values()) == [("H04",), ("H13",), ("H15",), ("S01",), ("H16",), ("H06",), ("H14",)]
    assert chosen_ids(["table-vii"], CLAIMS) == ("H04", "H06", "H13", "H14", "H15", "H16", "S01")
    assert chosen_ids(["narma-10", "h04", "H04"], CLAIMS) == ("H04", "S01")
    assert chosen_ids([], CLAIMS) == IDS
    with pytest.raises(UsageError, match="neither a claim nor an experiment"):
        chosen_ids(["H99"], CLAIMS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('margin = "0.05"\n', ""), "margin is missing"),
        (('margin = "0.05"', 'margin = " "'), "margin is missing"),
        (('kinds = ["E"]', 'kinds = ["X"]'), "'X' is not a valid Kind"),
        (('kinds = ["E"]', "kinds = []"), "of no kind"),
        (('data = "g"', 'data = "g"\ncolour = "red"'), "colour is not known"),
        (('data = "g"', 'data = "g"\ntakes = {events = 3, minutes = 2}'), "takes a planned quantity"),
        (('data = "g"', 'data = "g"\ntakes = {shares = 3}'), "unexpected keyword"),
    ],
)
def test_a_bad_claim_is_refused_by_its_name(change: tuple[str, str], said: str) -> None:
    assert len(read_claims(tomllib.loads(GOOD), "2601.01916")) == 1
    assert change[0] in GOOD
    with pytest.raises(ValueError, match=f"H01: .*{said}"):
        read_claims(tomllib.loads(GOOD.replace(*change)), "2601.01916")


def test_a_command_that_decides_a_claim_is_one() -> None:
    commands: Any = typer.main.get_command(app)
    for claim in CLAIMS.values():
        program, _, rest = claim.experiment.partition(" ")
        if program != "asicrc":
            continue
        command, words = commands, rest.split()
        while hasattr(command, "commands"):
            command = command.commands[words.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known, claim.id
        needed = [p for p in command.params if p.param_type_name == "argument" and p.required]
        pairs = zip(["", *words], words, strict=False)
        given = [word for before, word in pairs if not (word.startswith("-") or before.startswith("-"))]
        assert len(given) >= len(needed), claim.id

"""Templates: what is written is read again, and nothing else is."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fingerprint_samples import chip
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asicrc.analysis.fingerprint import Template, enrol, read_template, write_template
from asicrc.errors import BadFile, StorageError, UsageError


@pytest.fixture(scope="module")
def template() -> Template:
    return enrol([chip(0, 1), chip(0, 2)], "bench 3/left")


@pytest.fixture(scope="module")
def content(template: Template, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("template") / "a.json"
    write_template(template, path)
    held: dict[str, Any] = json.loads(path.read_text())
    return held


def test_what_is_written_is_read(template: Template, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    os.umask(before := os.umask(0))
    assert before >= 0
    write_template(template, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    again = read_template(path)
    assert again.name == "bench 3/left"
    assert again.profile.kind == template.profile.kind
    assert again.profile.spread == template.profile.spread
    assert again.work == template.work
    assert (again.tried, again.rejected) == (2, template.rejected)
    assert again.profile.groups.keys() == template.profile.groups.keys()
    for name, group in template.profile.groups.items():
        assert again.profile.groups[name].names == group.names
        assert np.array_equal(again.profile.groups[name].values, group.values)
        assert np.array_equal(again.profile.groups[name].errors, group.errors)
        assert again.profile.groups[name].absent == group.absent


def test_nothing_is_written_over(template: Template, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("mine")
    with pytest.raises(UsageError, match="is there already"):
        write_template(template, path)
    assert path.read_text() == "mine"
    (tmp_path / "link.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(UsageError):
        write_template(template, tmp_path / "link.json")
    assert not (tmp_path / "elsewhere.json").exists()
    with pytest.raises(StorageError):
        write_template(template, tmp_path / "no folder" / "a.json")


@pytest.mark.parametrize("name", ["", "a" * 101, "a\nb", "a$b", "<b>"])
def test_names_are_plain(name: str) -> None:
    with pytest.raises(UsageError, match="no name of a device"):
        enrol([chip(0, 1)], name)


def changed(path: tuple[str | int, ...], value: Any) -> Callable[[dict[str, Any]], str]:
    def change(content: dict[str, Any]) -> str:
        whole = json.loads(json.dumps(content))
        at = whole
        for key in path[:-1]:
            at = at[key]
        at[path[-1]] = value
        return json.dumps(whole)

    return change


DELAYS = ("groups", "core_delay")


@pytest.mark.parametrize(
    "change",
    [
        lambda _: "",
        lambda _: "[]",
        lambda _: "[" * 100_000,
        lambda _: '{"format": "asicrc fingerprint template", "version": 1}',
        lambda _: "\x00\xff",
        lambda c: json.dumps(c)[:-40],
        lambda c: json.dumps(c).replace(str(c["groups"]["core_delay"]["values"][0]), "NaN"),
        lambda c: json.dumps(c).replace(str(c["groups"]["core_delay"]["values"][0]), "1e999"),
        lambda c: json.dumps(c).replace(str(c["groups"]["core_delay"]["values"][0]), "9" * 400),
        lambda c: json.dumps(c).replace(str(c["groups"]["core_delay"]["values"][0]), "9" * 5000),
        changed(("format",), "a poem"),
        changed(("version",), 2),
        changed(("version",), True),
        changed(("name",), "<script>"),
        changed(("name",), "x" * 5000),
        changed(("kind",), []),
        changed(("kind", "chips"), -1),
        changed(("kind", "chips"), 1.5),
        changed(("groups",), {}),
        changed(("groups", "horoscope"), {"names": ["a"], "values": [1], "errors": [1], "absent": None}),
        changed((*DELAYS, "values"), None),
        changed((*DELAYS, "values", 0), "1"),
        changed((*DELAYS, "values", 0), True),
        changed((*DELAYS, "values"), [1.0]),
        changed((*DELAYS, "errors", 0), 0),
        changed((*DELAYS, "errors", 0), -1.0),
        changed((*DELAYS, "errors", 0), 1e-300),
        changed((*DELAYS, "names", 1), "0/0"),
        changed((*DELAYS, "names", 1), 7),
        changed((*DELAYS, "absent"), [1.0]),
        changed(("spread", "core_delay"), 0.01),
        changed(("spread", "core_delay"), "1"),
        changed(("conditions",), {"frequency_mhz": []}),
        changed(("work",), ["0" * 16] * 5000),
        changed(("work",), ["G" * 16]),
        changed(("work",), "0" * 16),
        changed(("tried",), 0.5),
        changed(("rejected", "without_ppm"), 9),
        changed(("proofs",), 1 << 70),
        changed(("synthetic",), "no"),
    ],
)
def test_nothing_else_is_read(
    change: Callable[[dict[str, Any]], str], content: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "b.json"
    path.write_bytes(change(content).encode("latin-1"))
    with pytest.raises(BadFile) as raised:
        read_template(path)
    assert raised.value.hint


def test_too_large_and_not_there(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="cannot be read"):
        read_template(tmp_path / "none.json")
    with pytest.raises(BadFile, match="cannot be read"):
        read_template(tmp_path)
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.truncate((16 << 20) + 1)
    with pytest.raises(BadFile, match="more than 16 MiB"):
        read_template(path)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_whatever_stands_in_it_it_is_read_or_refused(
    data: st.DataObject, content: dict[str, Any], tmp_path: Path
) -> None:
    whole = json.loads(json.dumps(content))
    at: Any = whole
    for _ in range(data.draw(st.integers(1, 4))):
        keys = list(at) if isinstance(at, dict) else list(range(len(at))) if isinstance(at, list) else []
        if not keys:
            break
        key = data.draw(st.sampled_from(keys))
        if data.draw(st.booleans()) or not isinstance(at[key], dict | list):
            at[key] = data.draw(ANYTHING)
            break
        at = at[key]
    path = tmp_path / "c.json"
    path.write_text(json.dumps(whole))
    try:
        found = read_template(path)
    except BadFile:
        return
    assert all(np.isfinite(group.values).all() for group in found.profile.groups.values())
    assert all((group.errors > 0).all() for group in found.profile.groups.values())

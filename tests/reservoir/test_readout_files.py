"""Readouts and networks to files and back; files that somebody else made."""

from __future__ import annotations

import io
import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicrc.errors import BadFile
from asicrc.reservoir.esn import ESN
from asicrc.reservoir.readouts import RidgeReadout, RidgeReadoutClassifier
from asicrc.reservoir.readouts.archive import read_archive, write_archive
from asicrc.reservoir.readouts.stored_readout import plain_parameters

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
Y = np.column_stack([X @ [1.0, 2.0, 3.0], X[:, 0] ** 2])


def saved(estimator: Any, tmp_path: Path) -> Path:
    path = tmp_path / "readout.npz"
    estimator.save(path)
    return path


@pytest.mark.parametrize(
    "readout",
    [
        RidgeReadout().fit(X, Y),
        RidgeReadout(1.0).fit(X, Y[:, 0]),
        RidgeReadout(np.logspace(-3, 3, 7), alpha_per_target=True, washout=3).fit(X, Y),
        RidgeReadout([1e-30, 1.0], solver="gram", alpha_selection="gcv").fit(X, Y),
        RidgeReadout(alpha_selection="blocked_cv", gap=2).fit(X, Y[:, :1]),
        RidgeReadoutClassifier().fit(X, np.digitize(X[:, 0], [-0.5, 0.5])),
        RidgeReadoutClassifier().fit(X, np.where(X[:, 0] > 0, "up", "down")),
        RidgeReadoutClassifier().fit(X, np.zeros(120)),
        ESN(20, seed=3, washout=5).fit(X, Y),
        ESN(20, input_to_readout=True, dtype="float64").fit(X, Y[:, 0]),
    ],
    ids=lambda readout: str(readout),
)
def test_there_and_back(readout: Any, tmp_path: Path) -> None:
    path = saved(readout, tmp_path)
    again = type(readout).load(path)
    np.testing.assert_array_equal(again.predict(X), readout.predict(X))
    assert plain_parameters(again) == plain_parameters(readout)
    assert again.n_features_in_ == 3
    inner, inner_again = getattr(readout, "readout_", readout), getattr(again, "readout_", again)
    np.testing.assert_array_equal(inner_again.alpha_curve_, inner.alpha_curve_)
    assert inner_again.alpha_at_edge_ == inner.alpha_at_edge_


@pytest.mark.parametrize(
    ("readout", "y"),
    [
        (RidgeReadout().fit(X, Y), Y),
        (RidgeReadoutClassifier().fit(X, X[:, 0] > 0), X[:, 0] > 0),
        (ESN(20).fit(X, Y), Y),
    ],
)
def test_a_file_has_no_rows_to_add_to(readout: Any, y: Any, tmp_path: Path) -> None:
    again = type(readout).load(saved(readout, tmp_path))
    with pytest.raises(ValueError, match="no sums of its rows"):
        again.partial_fit(X, y)
    np.testing.assert_array_equal(again.predict(X), readout.predict(X))


def test_state_goes_on_from_a_file(tmp_path: Path) -> None:
    network = ESN(20).fit(X[:80], Y[:80])
    again = ESN.load(saved(network, tmp_path))
    np.testing.assert_array_equal(
        again.predict(X[80:], state=again.last_state_), network.predict(X[80:], state=network.last_state_)
    )


def test_names_of_features_are_kept(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=["count", "rate", "temperature_c"])
    for estimator in (RidgeReadout().fit(frame, Y), ESN(10).fit(frame, Y)):
        again = type(estimator).load(saved(estimator, tmp_path))
        np.testing.assert_array_equal(again.predict(frame), estimator.predict(frame))
        with pytest.raises(ValueError, match="feature names"):
            again.predict(frame[["rate", "count", "temperature_c"]])


def test_an_unfitted_one_has_nothing_to_save(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not fitted"):
        RidgeReadout().save(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="numbers, text and lists"):
        RidgeReadout(np.array([1 + 2j])).set_params(alphas=None, n_splits={}).fit(X, Y).save(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_another_class_is_refused(tmp_path: Path) -> None:
    path = saved(RidgeReadout().fit(X, Y), tmp_path)
    for other in (RidgeReadoutClassifier, ESN):
        with pytest.raises(BadFile, match="not a"):
            other.load(path)
    with pytest.raises(BadFile, match="no such file"):
        RidgeReadout.load(tmp_path / "nothing.npz")


def changed_header(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        header, arrays = read_archive(path)
        write_archive(path, header if change(header) is None else {}, arrays)

    return rewrite


def changed_array(name: str, change: Callable[[Any], Any]) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        header, arrays = read_archive(path)
        write_archive(path, header, arrays | {name: change(arrays[name])})

    return rewrite


def raw_member(name: str, data: bytes) -> Callable[[Path], None]:
    def rewrite(path: Path) -> None:
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(name, data)

    return rewrite


def npy(shape: str, dtype: str = "<f8", data: bytes = b"") -> bytes:
    text = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"
    text = text.ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode() + data


class Bomb:
    def __reduce__(self) -> Any:
        return (Path.write_text, (Path("bomb"), "went off"))


def pickled_array() -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.array([Bomb()], dtype=object), allow_pickle=True)
    return stream.getvalue()


@pytest.mark.parametrize(
    "spoil",
    [
        changed_header(lambda h: {}),
        changed_header(lambda h: h.update({"format_version": 99})),
        changed_header(lambda h: h.update({"format_version": True and "1"})),
        changed_header(lambda h: h.update({"parameters": {"no_such": 1}})),
        changed_header(lambda h: h.update({"parameters": {"alphas": [[1.0]]}})),
        changed_header(lambda h: h.update({"parameters": 3})),
        changed_header(lambda h: h.update({"n_features_in": 4})),
        changed_header(lambda h: h.update({"n_features_in": "3"})),
        changed_header(lambda h: h.update({"feature_names_in": ["a"]})),
        changed_array("coef_", lambda a: a[:, :2]),
        changed_array("coef_", lambda a: a * np.nan),
        changed_array("intercept_", lambda a: a[:1]),
        changed_array("alphas_", lambda a: a[:3]),
        changed_array("alpha_", lambda a: np.zeros(7)),
        changed_array("alpha_curve_", lambda a: a.T),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"PK\x03\x04" + bytes(200)),
        lambda path: path.write_bytes(path.read_bytes()[:-60]),
        lambda path: path.write_bytes(pickle.dumps({"coef_": 1})),
        raw_member("evil.npy", pickled_array()),
        raw_member("huge.npy", npy("(1000000000000,)")),
        raw_member("negative.npy", npy("(-1, -8)", data=bytes(64))),
        raw_member("short.npy", npy("(9,)", data=bytes(64))),
        raw_member("text.npy", npy("(2,)", "<U4", bytes(32))),
        raw_member("void.npy", npy("(2,)", "|V8", bytes(16))),
        raw_member("syntax.npy", npy("(2,", data=bytes(16))),
        raw_member("magic.npy", b"\x93NUMPY\x09\x00" + bytes(32)),
        raw_member("empty.npy", b""),
        raw_member("../../outside.txt", b"x"),
    ],
)
def test_hostile_files_are_bad_files(
    spoil: Callable[[Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = saved(RidgeReadout().fit(X, Y), tmp_path)
    spoil(path)
    with pytest.raises(BadFile) as caught:
        RidgeReadout.load(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert not (tmp_path / "bomb").exists()


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = saved(RidgeReadout().fit(X, Y), tmp_path)
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive, archive.open("big.npy", "w") as member:
        for _ in range(70):
            member.write(bytes(1 << 20))
    with pytest.raises(BadFile, match="bytes unpacked"):
        read_archive(path, max_bytes=1 << 26)
    two = tmp_path / "two.npz"
    with zipfile.ZipFile(two, "w") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("a.npy", npy("(0,)"))
        archive.writestr("a.npy", npy("(0,)"))
    with pytest.raises(BadFile, match="two of one name"):
        read_archive(two)


@pytest.mark.parametrize("text", [b"[1]", b"{", b"[" * 100_000, b"\xff\xfe"])
def test_headers_that_are_no_object(text: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, header=np.frombuffer(text, dtype=np.uint8))
    with pytest.raises(BadFile, match="header"):
        read_archive(path)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("offsets_", lambda a: a + 10**6),
        ("offsets_", lambda a: a - 10**6),
        ("offsets_", lambda a: a[:-1]),
        ("offsets_", lambda a: a.astype(np.float64)),
        ("bias_", lambda a: a[:-1]),
        ("bias_", lambda a: a.astype(np.float64)),
        ("weights_", lambda a: a[:, :-1]),
        ("weights_", lambda a: a * np.inf),
        ("input_weights_", lambda a: a[:1]),
        ("input_deviation_", lambda a: a * 0),
        ("last_state_", lambda a: a[:3]),
        ("readout.coef_", lambda a: a[:, :-1]),
    ],
)
def test_weights_that_do_not_fit(name: str, change: Callable[[Any], Any], tmp_path: Path) -> None:
    path = saved(ESN(20).fit(X, Y), tmp_path)
    with np.errstate(invalid="ignore"):
        changed_array(name, change)(path)
    with pytest.raises(BadFile):
        ESN.load(path)


@given(data=st.data())
def test_any_byte_may_be_wrong(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A changed byte is a BadFile, or does no harm: never another exception."""
    path = tmp_path_factory.mktemp("bytes") / "a.npz"
    RidgeReadout(1.0).fit(X, Y).save(path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        assert RidgeReadout.load(path).predict(X).shape == (120, 2)
    except BadFile as error:
        assert json.dumps(error.message)

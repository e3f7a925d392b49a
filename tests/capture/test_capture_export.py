"""Exports carry every event, name what is missing, and appear whole or not at all."""

from __future__ import annotations

import csv
import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from capture_samples import easy_job, events_for

from asicrc.capture import Capture, CaptureWriter, export, load
from asicrc.capture.points import PointRecord, PointState, point_of
from asicrc.errors import StorageError, UsageError
from firmware_protocols.device import NO_TIME, Duplicate, NonceBatch, Reason, Verdict

NEEDS = {"csv": "csv", "parquet": "pyarrow", "netcdf": "h5py", "pandas": "pandas", "xarray": "xarray"}


def needs(what: str) -> None:
    if find_spec(NEEDS[what]) is None:
        pytest.skip(f"{NEEDS[what]} is not installed")


@pytest.fixture
def events() -> NonceBatch:
    events = events_for(easy_job(1), [1, 2**32 - 1, 3])
    events["t_ns"][0] = 1_700_000_000_123_456_789
    events["t_kernel_ns"][1] = 1_700_000_000_987_654_321
    events["extranonce2"][0, :4] = [0, 1, 2, 255]
    events["extranonce2_len"][0] = 4
    events["difficulty"] = [256.2, np.nan, 1e300]
    events["verdict"] = [Verdict.VALID, Verdict.UNKNOWN_JOB, Verdict.VALID]
    events["reason"] = [Reason.NONE, Reason.DAMAGED_JOB, Reason.NONE]
    events["duplicate"][2] = True
    events["duplicate_reason"][2] = Duplicate.RESCAN
    return events


@pytest.fixture
def capture(tmp_path: Path, events: NonceBatch) -> Capture:
    with CaptureWriter.create(tmp_path / "a.asicrc", {"device": "\u20bf"}) as writer:
        writer.add_events(events)
        writer.seal("done")
    return load(tmp_path / "a.asicrc")


@pytest.mark.parametrize("what", ["csv", "parquet", "netcdf", "pandas"])
def test_events_of_a_sweep_say_their_point(tmp_path: Path, events: NonceBatch, what: str) -> None:
    """The first came while the first point settled, the last after all."""
    needs(what)
    events = np.concatenate([events, events[:2]])
    events["seq"], events["t_ns"] = np.arange(5), np.arange(5) * 10
    with CaptureWriter.create(tmp_path / "a.asicrc", {}) as writer:
        writer.add_events(events)
        for row, (first, end) in enumerate(((1, 3), (3, 4)), 1):
            marks = {"first_seq": first, "end_seq": end}
            writer.put_point(PointRecord(row, 10 * first, 10 * end - 1, PointState.DONE, marks))
        writer.seal("done")
    with load(tmp_path / "a.asicrc") as capture:
        assert (points := capture.sweep_points()) is not None
        assert point_of(points, capture.events()).tolist() == [0, 1, 1, 2, 0]
        if what == "pandas":
            found = capture.to_pandas()["point"].fillna(0).tolist()
        else:
            export(capture, tmp_path / "a.out", what)
            found = _points_in(tmp_path / "a.out", what)
    assert [row or None for row in found] == [None, 1, 1, 2, None]


def _points_in(path: Path, what: str) -> list[int | None]:
    if what == "csv":
        with path.open(newline="") as stream:
            return [int(row["point"] or 0) for row in csv.DictReader(stream)]
    if what == "parquet":
        import pyarrow.parquet

        return list(pyarrow.parquet.read_table(path)["point"].to_pylist())
    import xarray

    with xarray.open_dataset(path, engine="h5netcdf") as dataset:
        return list(dataset["point"].values.tolist())


def test_csv(capture: Capture, tmp_path: Path) -> None:
    export(capture, tmp_path / "a.csv", "csv")
    with (tmp_path / "a.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert "point" not in rows[0]
    assert rows[0]["t_ns"] == "1700000000123456789"
    assert [row["t_kernel_ns"] for row in rows] == ["", "1700000000987654321", ""]
    assert [row["nonce"] for row in rows] == ["1", "4294967295", "3"]
    assert [row["extranonce2"] for row in rows] == ["000102ff", "", ""]
    assert [row["difficulty"] for row in rows] == ["256.2", "", "1e+300"]
    assert [row["verdict"] for row in rows] == ["valid", "unknown_job", "valid"]
    assert [row["reason"] for row in rows] == ["none", "damaged_job", "none"]
    assert [row["duplicate"] for row in rows] == ["0", "0", "1"]
    assert [row["duplicate_reason"] for row in rows] == ["none", "none", "rescan"]


def test_parquet(capture: Capture, tmp_path: Path, events: NonceBatch) -> None:
    needs("parquet")
    import pyarrow.parquet as parquet

    export(capture, tmp_path / "a.parquet", "parquet")
    table = parquet.read_table(tmp_path / "a.parquet")
    assert table["t_ns"].to_pylist() == events["t_ns"].tolist()
    assert table["t_kernel_ns"].to_pylist() == [None, 1_700_000_000_987_654_321, None]
    assert table["difficulty"].to_pylist() == [256.2, None, 1e300]
    assert table["verdict"].to_pylist() == ["valid", "unknown_job", "valid"]
    assert table["extranonce2"].to_pylist() == ["000102ff", "", ""]
    assert json.loads(table.schema.metadata[b"asicrc"]) == capture.meta
    assert parquet.ParquetFile(tmp_path / "a.parquet").metadata.row_group(0).column(0).compression == "ZSTD"


def test_netcdf(capture: Capture, tmp_path: Path, events: NonceBatch) -> None:
    needs("netcdf")
    import xarray

    export(capture, tmp_path / "a.nc", "netcdf")
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as dataset:
        for name in (
            "seq",
            "t_ns",
            "t_kernel_ns",
            "nonce",
            "difficulty",
            "verdict",
            "duplicate",
            "synthetic",
        ):
            assert dataset[name].dtype == events[name].dtype
            np.testing.assert_array_equal(dataset[name].values, events[name])
        assert dataset["extranonce2"].values.tolist() == [b"000102ff", b"", b""]
        assert dataset["t_kernel_ns"].attrs["no_time"] == NO_TIME
        assert dataset["verdict"].attrs["flag_meanings"].split()[Verdict.UNKNOWN_JOB] == "unknown_job"
        assert json.loads(dataset.attrs["asicrc"]) == capture.meta


def test_pandas(capture: Capture) -> None:
    needs("pandas")
    frame = capture.to_pandas()
    assert frame["t_kernel_ns"].isna().tolist() == [True, False, True]
    assert int(frame["t_kernel_ns"][1]) == 1_700_000_000_987_654_321
    assert int(frame["t_ns"][0]) == 1_700_000_000_123_456_789
    assert frame["reason"].tolist() == ["none", "damaged_job", "none"]
    assert frame["duplicate"].tolist() == [False, False, True]


def test_xarray(capture: Capture, events: NonceBatch) -> None:
    needs("xarray")
    dataset = capture.to_xarray()
    assert dict(dataset.sizes) == {"event": 3}
    np.testing.assert_array_equal(dataset["t_ns"].values, events["t_ns"])


@pytest.mark.parametrize("format", ["csv", "parquet", "netcdf"])
def test_an_empty_capture(tmp_path: Path, format: str) -> None:
    needs(format)
    CaptureWriter.create(tmp_path / "a", {}).close()
    export(load(tmp_path / "a"), tmp_path / "b", format)  # type: ignore[arg-type]
    assert (tmp_path / "b").stat().st_size


def test_nothing_is_overwritten_unasked(capture: Capture, tmp_path: Path) -> None:
    target = tmp_path / "a.csv"
    target.write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        export(capture, target, "csv")
    assert target.read_text() == "mine"
    export(capture, target, "csv", overwrite=True)
    assert target.read_text().startswith("seq,")
    with pytest.raises(UsageError, match="exists already"):
        export(capture, capture.path, "csv", overwrite=True)
    with pytest.raises(UsageError, match="exists already"):
        export(capture, tmp_path, "csv", overwrite=True)
    assert len(capture.events()) == 3


def test_failures_leave_nothing(capture: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(StorageError, match="cannot write") as error:
        export(capture, tmp_path / "no" / "a.csv", "csv")
    assert error.value.exit_code == 6
    with pytest.raises(UsageError, match="no export format 'xls'") as usage:
        export(capture, tmp_path / "a.xls", "xls")  # type: ignore[arg-type]
    assert "parquet" in usage.value.hint

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="No space left on device"):
        export(capture, tmp_path / "a.csv", "csv")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("what", ["parquet", "netcdf", "pandas", "xarray"])
def test_a_missing_library_is_named(
    capture: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    import sys

    library = {"parquet": "pyarrow", "netcdf": "h5netcdf"}.get(what, what)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(UsageError, match=library) as error:
        if what in ("pandas", "xarray"):
            getattr(capture, f"to_{what}")()
        else:
            export(capture, tmp_path / "x", what)  # type: ignore[arg-type]
    assert error.value.hint == "pip install 'asicrc[export]'"
    assert not (tmp_path / "x").exists()

"""Arrays and a JSON header in one .npz file, which is safe to read from anyone.

Nothing in it is ever run: no pickle, no object arrays. Sizes are compared with what the file says of itself
before memory is taken, so that a small file cannot ask for much. `numpy.load` reads the file as well.
"""

from __future__ import annotations

import json
import math
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asicrc.errors import BadFile

MAX_BYTES = 1 << 30
MAX_HEADER_BYTES = 1 << 22
_MAX_ARRAYS = 64
_HEADER = "header"
_DTYPES = ("<f8", "<f4", "<i8", "|u1")
_NPY = re.compile(
    rb"\x93NUMPY\x01\x00(?P<length>..)\{'descr': '(?P<dtype><f8|<f4|<i8|\|u1)', "
    rb"'fortran_order': (?P<fortran>True|False), 'shape': \((?P<shape>(?:[0-9]{1,12},? ?){0,3})\), \} *\n",
    re.DOTALL,
)
"""Format version 1.0 of numpy.lib.format, in the one way in which numpy writes it."""
_DAMAGED = "save the readout again; what asicrc wrote is an .npz of plain number arrays"


def write_archive(path: str | Path, header: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    """Write `arrays` and the JSON `header`; a file of that name is replaced only by a whole one.

    Raises ValueError for arrays of other types than 64- and 32-bit floats and 64-bit integers.
    """
    text = json.dumps(header, allow_nan=False).encode()
    whole = {_HEADER: np.frombuffer(text, dtype=np.uint8), **arrays}
    for name, array in whole.items():
        if array.dtype.str not in _DTYPES:
            raise ValueError(f"array {name} is of type {array.dtype}, which this file does not hold")
    target = Path(path)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, **whole)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def read_archive(
    path: str | Path, *, max_bytes: int = MAX_BYTES
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """(header, arrays). Raises BadFile for whatever `write_archive` does not write."""
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = _read_members(archive, path, max_bytes)
    except FileNotFoundError:
        raise BadFile(f"{path}: no such file", "give the path of a saved readout") from None
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        raise BadFile(f"{path}: not a saved readout ({error})", _DAMAGED) from None
    text = arrays.pop(_HEADER, None)
    if text is None or text.dtype != np.uint8 or text.nbytes > MAX_HEADER_BYTES:
        raise BadFile(f"{path}: no header, or one of more than {MAX_HEADER_BYTES} bytes", _DAMAGED)
    try:
        header = json.loads(text.tobytes())
    except (ValueError, RecursionError) as error:
        raise BadFile(f"{path}: the header is not JSON ({error})", _DAMAGED) from None
    if not isinstance(header, dict):
        raise BadFile(f"{path}: the header is not a JSON object", _DAMAGED)
    return header, arrays


def _read_members(archive: zipfile.ZipFile, path: str | Path, max_bytes: int) -> dict[str, NDArray[Any]]:
    members = archive.infolist()
    names = [member.filename for member in members]
    if len(members) > _MAX_ARRAYS or len(set(names)) < len(names):
        raise BadFile(f"{path}: {len(members)} parts, or two of one name", _DAMAGED)
    if sum(member.file_size for member in members) > max_bytes:
        raise BadFile(
            f"{path}: more than {max_bytes} bytes unpacked", "a larger max_bytes, if you trust the file"
        )
    arrays = {}
    for member in members:
        if not member.filename.endswith(".npy"):
            raise BadFile(f"{path}: holds {member.filename!r}, which is no array", _DAMAGED)
        arrays[member.filename.removesuffix(".npy")] = _array(archive.read(member), member.filename, path)
    return arrays


def _array(data: bytes, name: str, path: str | Path) -> NDArray[Any]:
    """The .npy of a member. numpy's own reader evaluates the head as Python and takes memory as that says."""
    found = _NPY.match(data)
    if found is None:
        raise BadFile(f"{path}: {name} is not an array of numbers as asicrc writes it", _DAMAGED)
    dtype = np.dtype(found["dtype"].decode())
    shape = tuple(int(length) for length in found["shape"].split(b",") if length.strip())
    start = 10 + int.from_bytes(found["length"], "little")
    if found.end() > start or math.prod(shape) * dtype.itemsize != len(data) - start:
        raise BadFile(f"{path}: array {name} says {shape} and has other bytes", _DAMAGED)
    values = np.frombuffer(data, dtype=dtype, offset=start)
    return values.reshape(shape, order="F" if found["fortran"] == b"True" else "C").copy()

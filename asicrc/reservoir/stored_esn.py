"""A fitted echo state network to a file and back: its weights, its scales and its readout."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from asicrc import __version__
from asicrc.errors import BadFile
from asicrc.reservoir.readouts.archive import read_archive, write_archive
from asicrc.reservoir.readouts.ridge import RidgeReadout
from asicrc.reservoir.readouts.stored_readout import (
    check_format,
    checked_parameters,
    plain_parameters,
    readout_contents,
    readout_from,
)

FORMAT = "asicrc-esn"
VERSION = 1
_ARRAYS = (
    "weights_",
    "offsets_",
    "input_weights_",
    "bias_",
    "input_mean_",
    "input_deviation_",
    "last_state_",
)
_READOUT = "readout."
_OTHER = "give the path of an ESN saved by this version of asicrc, or by an older one"
_Network = TypeVar("_Network", bound=Any)


def save_esn(network: Any, path: str | Path) -> None:
    """Raises ValueError for parameters that JSON does not hold."""
    readout_header, readout_arrays = readout_contents(network.readout_)
    header = {
        "format": FORMAT,
        "format_version": VERSION,
        "asicrc_version": __version__,
        "class": type(network).__name__,
        "parameters": plain_parameters(network),
        "readout": readout_header,
    }
    if hasattr(network, "feature_names_in_"):
        header["feature_names_in"] = [str(name) for name in network.feature_names_in_]
    arrays = {name: np.asarray(getattr(network, name)) for name in _ARRAYS}
    write_archive(path, header, arrays | {_READOUT + name: a for name, a in readout_arrays.items()})


def load_esn(cls: type[_Network], path: str | Path) -> _Network:
    """Raises BadFile for whatever `save_esn` did not write for this class."""
    header, arrays = read_archive(path)
    check_format(header, path, FORMAT, VERSION, cls.__name__)
    network: Any = cls(**checked_parameters(cls, header, path))
    readout_header = header.get("readout")
    if not isinstance(readout_header, dict) or any(name not in arrays for name in _ARRAYS):
        raise BadFile(f"{path}: a part is missing", _OTHER)
    of_readout = {name.removeprefix(_READOUT): a for name, a in arrays.items() if name.startswith(_READOUT)}
    network.readout_ = readout_from(RidgeReadout, readout_header, of_readout, path)
    _check_arrays(arrays, network, path)
    for name in _ARRAYS:
        setattr(network, name, arrays[name])
    network.n_features_in_ = len(network.input_mean_)
    names = header.get("feature_names_in")
    if names is not None:
        if not isinstance(names, list) or len(names) != network.n_features_in_:
            raise BadFile(f"{path}: not one name for each input", _OTHER)
        network.feature_names_in_ = np.asarray([str(name) for name in names], dtype=object)
    return network  # type: ignore[no-any-return]


def _check_arrays(arrays: dict[str, NDArray[Any]], network: Any, path: str | Path) -> None:
    """Shapes and offsets that do not fit would have the kernel read beside its arrays."""
    weights, offsets, bias = arrays["weights_"], arrays["offsets_"], arrays["bias_"]
    units, inputs = bias.size, arrays["input_mean_"].size
    features = units + (inputs if network.input_to_readout else 0)
    fits = (
        units >= 1
        and inputs >= 1
        and bias.ndim == 1
        and weights.shape == (offsets.size, units)
        and offsets.ndim == 1
        and offsets.dtype == np.int64
        and bool(np.all((offsets >= 0) & (offsets < units)))
        and arrays["input_weights_"].shape == (inputs, units)
        and arrays["input_mean_"].shape == arrays["input_deviation_"].shape == (inputs,)
        and arrays["last_state_"].shape == (units,)
        and network.readout_.n_features_in_ == features
    )
    kinds = {arrays[name].dtype for name in ("weights_", "input_weights_", "bias_", "last_state_")}
    if not fits or kinds not in ({np.dtype(np.float32)}, {np.dtype(np.float64)}):
        raise BadFile(f"{path}: weights of shape {weights.shape} do not fit the rest", _OTHER)
    if not all(np.isfinite(arrays[name]).all() for name in _ARRAYS) or not arrays["input_deviation_"].all():
        raise BadFile(f"{path}: weights that are not finite", _OTHER)

"""A fitted readout to a file and back."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from asicrc import __version__
from asicrc.errors import BadFile
from asicrc.reservoir.readouts.archive import read_archive, write_archive
from asicrc.reservoir.readouts.ridge_base import RidgeBase

FORMAT = "asicrc-readout"
VERSION = 1
_ARRAYS = ("coef_", "intercept_", "alpha_", "alphas_", "alpha_curve_", "degrees_of_freedom_")
_OTHER = "give the path of a readout of this class, saved by this version of asicrc or an older one"
_Readout = TypeVar("_Readout", bound=RidgeBase)


def save_readout(readout: RidgeBase, path: str | Path) -> None:
    """Raises ValueError for parameters and labels that JSON does not hold."""
    write_archive(path, *readout_contents(readout))


def load_readout(cls: type[_Readout], path: str | Path) -> _Readout:
    """Raises BadFile for whatever `save_readout` did not write for this class."""
    return readout_from(cls, *read_archive(path), path)


def readout_contents(readout: RidgeBase) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """(header, arrays) of a fitted readout."""
    header: dict[str, Any] = {
        "format": FORMAT,
        "format_version": VERSION,
        "asicrc_version": __version__,
        "class": type(readout).__name__,
        "parameters": plain_parameters(readout),
        "n_features_in": int(readout.n_features_in_),
        "alpha_at_edge": bool(readout.alpha_at_edge_),
    }
    if hasattr(readout, "feature_names_in_"):
        header["feature_names_in"] = [str(name) for name in readout.feature_names_in_]
    if hasattr(readout, "classes_"):
        header["classes"] = readout.classes_.tolist()
    return header, {name: np.asarray(getattr(readout, name), dtype=np.float64) for name in _ARRAYS}


def readout_from(
    cls: type[_Readout], header: dict[str, Any], arrays: dict[str, NDArray[Any]], path: str | Path
) -> _Readout:
    """The readout of a header and arrays. Raises BadFile where they do not fit."""
    check_format(header, path, FORMAT, VERSION, cls.__name__)
    readout = cls(**checked_parameters(cls, header, path))
    features, missing = header.get("n_features_in"), [name for name in _ARRAYS if name not in arrays]
    if missing or not isinstance(features, int):
        raise BadFile(f"{path}: no {missing or 'number of features'}", _OTHER)
    _check_shapes(arrays, features, path)
    readout.n_features_in_ = features
    for name in _ARRAYS:
        array = arrays[name].astype(np.float64)
        setattr(readout, name, array if array.ndim else float(array))
    readout.alpha_at_edge_ = bool(header.get("alpha_at_edge"))
    _set_names(readout, header, features, path)
    return readout


def plain_parameters(estimator: Any) -> dict[str, Any]:
    """The parameters of an estimator, as JSON has them."""
    return {name: _plain(name, value) for name, value in estimator.get_params(deep=False).items()}


def checked_parameters(cls: type, header: dict[str, Any], path: str | Path) -> dict[str, Any]:
    """The parameters out of a header. Raises BadFile where the class has no such parameter."""
    parameters = header.get("parameters")
    known = inspect.signature(cls).parameters
    if not isinstance(parameters, dict) or not set(parameters) <= set(known):
        raise BadFile(f"{path}: parameters that {cls.__name__} does not have", _OTHER)
    for name, value in parameters.items():
        values = value if isinstance(value, list) else [value]
        if not all(isinstance(v, (str, bool, int, float, type(None))) for v in values):
            raise BadFile(f"{path}: parameter {name} is no number, no text and no list of them", _OTHER)
    return parameters


def check_format(header: dict[str, Any], path: str | Path, name: str, version: int, class_name: str) -> None:
    """Raises BadFile for another format, a later version, another class."""
    found = header.get("format"), header.get("class"), header.get("format_version")
    if found[:2] != (name, class_name):
        raise BadFile(f"{path}: holds {found[1]!r} in format {found[0]!r}, not a {class_name}", _OTHER)
    if not isinstance(found[2], int) or not 1 <= found[2] <= version:
        raise BadFile(f"{path}: version {found[2]!r} of the format; known up to {version}", "a later asicrc")


def _check_shapes(arrays: dict[str, NDArray[Any]], features: int, path: str | Path) -> None:
    coef, intercept, curve = arrays["coef_"], arrays["intercept_"], arrays["alpha_curve_"]
    fits = (
        coef.ndim in (1, 2)
        and coef.shape[-1] == features
        and intercept.shape in ((), coef.shape[:-1])
        and curve.shape == arrays["alphas_"].shape + coef.shape[:-1]
        and all(arrays[name].shape in ((), coef.shape[:-1]) for name in ("alpha_", "degrees_of_freedom_"))
    )
    if not fits or not (np.isfinite(coef).all() and np.isfinite(intercept).all()):
        raise BadFile(f"{path}: weights of shape {coef.shape} do not fit the rest, or are not finite", _OTHER)


def _set_names(readout: Any, header: dict[str, Any], features: int, path: str | Path) -> None:
    names, classes = header.get("feature_names_in"), header.get("classes")
    if names is not None:
        if not isinstance(names, list) or len(names) != features:
            raise BadFile(f"{path}: not one name for each of {features} features", _OTHER)
        readout.feature_names_in_ = np.asarray([str(name) for name in names], dtype=object)
    if classes is not None:
        rows = {1: 1, 2: 1}.get(len(classes), len(classes)) if isinstance(classes, list) else 0
        kinds = {type(label) for label in classes} if rows else set()
        if readout.coef_.shape[0] != rows or len(kinds) != 1 or not kinds <= {str, bool, int, float}:
            raise BadFile(f"{path}: classes that do not fit the weights", _OTHER)
        readout.classes_ = np.asarray(classes)


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    elif isinstance(value, np.generic):
        value = value.item()
    elif isinstance(value, tuple):
        value = list(value)
    if isinstance(value, list):
        return [_plain(name, one) for one in value]
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise ValueError(f"parameter {name} is {value!r}: a saved readout holds numbers, text and lists of them")

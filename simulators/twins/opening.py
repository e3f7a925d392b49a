"""`twin:MACHINE?option=value&...`: a twin by URL, for every command that takes a device.

Options: `kind` (ideal, ordinary, planted), `seed`, `unit` and `population` (which device), `ambient_c`, the
size of any effect or confound by its name, and of a BM1366 how large it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from difflib import get_close_matches
from urllib.parse import parse_qsl

from firmware_protocols.device import DeviceProtocol
from simulators.models import Effects
from simulators.models.physics import AMBIENT_C
from simulators.twins.confounds import Confounds
from simulators.twins.named import SCALE_NAMES, ideal, ordinary, planted

_KINDS = {"ideal": ideal, "ordinary": ordinary, "planted": planted}
_WHOLE = ("seed", "unit", "population")
COLDEST_C, HOTTEST_C = -40.0, 60.0
LARGEST_SEED = 2**63 - 1


@contextmanager
def open_twin(url: str) -> Iterator[DeviceProtocol]:
    """Raises ValueError, in one line, for whatever the URL says that there is not."""
    device = twin_of(url)
    try:
        yield device
    finally:
        device.close()


def twin_of(url: str) -> DeviceProtocol:
    """The device that a URL names. Raises as `open_twin`."""
    _, _, rest = url.partition(":")
    machine, _, query = rest.partition("?")
    options = _options(url, query)
    kind = options.pop("kind", "ideal")
    if kind not in _KINDS:
        raise ValueError(f"kind={kind} of {url!r} is none; there are {', '.join(_KINDS)}")
    whole = {name: _whole(name, options.pop(name)) for name in _WHOLE if name in options}
    ambient_c = _number("ambient_c", options.pop("ambient_c", str(AMBIENT_C)))
    if not COLDEST_C <= ambient_c <= HOTTEST_C:
        raise ValueError(f"ambient_c={ambient_c:g} is outside {COLDEST_C:g} to {HOTTEST_C:g} degC")
    sizes = {name: _number(name, text) for name, text in options.items()}
    effects = {name: size for name, size in sizes.items() if name in _EFFECTS}
    confounds = {name: size for name, size in sizes.items() if name in _CONFOUNDS}
    chip = {name: size for name, size in sizes.items() if name in SCALE_NAMES}
    made = _KINDS[kind]
    twin = made(machine, effects=effects, confounds=confounds, ambient_c=ambient_c, chip=chip, **whole)
    twin.identity = replace(twin.identity, url=url)
    return twin


_EFFECTS = tuple(field.name for field in fields(Effects))
_CONFOUNDS = tuple(field.name for field in fields(Confounds))
OPTIONS = ("kind", *_WHOLE, "ambient_c", *_EFFECTS, *_CONFOUNDS, *SCALE_NAMES)
"""All that a URL may say."""


def _options(url: str, query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    except ValueError:
        raise ValueError(f"the options of {url!r} are not key=value&key=value") from None
    options = dict(pairs)
    if len(options) != len(pairs):
        raise ValueError(f"an option stands twice in {url!r}")
    for name in options:
        if name not in OPTIONS:
            near = get_close_matches(name, OPTIONS, n=1)
            known = f"did you mean {near[0]}?" if near else f"known are {', '.join(OPTIONS)}"
            raise ValueError(f"a twin has no option {name!r}; {known}")
    return options


def _number(name: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"{name}={text} is no number")
    return value


def _whole(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= LARGEST_SEED):
        raise ValueError(f"{name}={text} is no whole number from 0 to 2**63 - 1")
    return int(text)

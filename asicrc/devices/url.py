"""Device URLs: `scheme:target?option=value&...`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

from asicrc.errors import UsageError

URL_FORMS = (
    ("serial:/dev/ttyUSB0?chip=bm1366", "chips on a serial adapter; chip= names their model"),
    ("bitaxe-raw:/dev/ttyACM0,/dev/ttyACM1", "a Bitaxe with bitaxe-raw: control port, chip port; board="),
    ("axeos://HOST", "a Bitaxe or LV06 with AxeOS (ESP-Miner), over the network"),
    ("cgminer://HOST", "an Antminer S9 with its factory's firmware: readings, and work"),
    ("luxos://HOST", "an Antminer S9 with LuxOS"),
    ("goldshell://HOST", "a Goldshell LB-Box: power plans, readings, work"),
    ("sim:bm1366", "an emulated device"),
    ("twin:lv06?kind=ordinary&seed=1", "a simulated miner on a clock of its own, faster than time"),
    ("stratum://ADDRESS:PORT", "miners of any make, pointed at this address by hand; algorithm=lbry"),
    ("replay:FILE", "the bytes of a capture, once more"),
    ("bundle:FILE", "the driver against the recorded lines of a check"),
)


@dataclass(frozen=True, slots=True)
class DeviceUrl:
    """A parsed URL. `options` are strings, each key once."""

    text: str
    scheme: str
    target: str
    options: dict[str, str]

    @classmethod
    def parse(cls, text: str) -> DeviceUrl:
        """Raises UsageError that shows the forms."""
        scheme, colon, rest = text.partition(":")
        target, _, query = rest.partition("?")
        if _carries_a_login(target, query):
            raise UsageError(
                f"a {scheme}: URL takes no password: it would stand in captures, logs and lists of processes",
                "put it into the environment as ASICRC_MINER_PASSWORD, or its file's name (mode 0600) as "
                "ASICRC_MINER_PASSWORD_FILE",
            )
        if not colon or not scheme or not target:
            forms = ", ".join(form for form, _ in URL_FORMS)
            raise UsageError(f"{text!r} is not a device URL", f"the forms are: {forms}")
        try:
            pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
        except ValueError:
            raise UsageError(f"the options of {text!r} are not key=value&key=value") from None
        options = dict(pairs)
        if len(options) != len(pairs):
            raise UsageError(f"an option stands twice in {text!r}")
        return cls(text, scheme, target.removeprefix("//"), options)

    def number(self, key: str, default: float | None, minimum: float, maximum: float) -> float | None:
        """Option `key` as a number. Raises UsageError outside the range."""
        if key not in self.options:
            return default
        try:
            value = float(self.options[key])
        except ValueError:
            raise UsageError(f"{key}={self.options[key]} in {self.text!r} is not a number") from None
        if not minimum <= value <= maximum:
            raise UsageError(f"{key}={value:g} in {self.text!r} is outside {minimum:g} to {maximum:g}")
        return value

    def reject_unknown(self, known: set[str]) -> None:
        unknown = sorted(set(self.options) - known)
        if unknown:
            raise UsageError(
                f"{', '.join(unknown)}: no such option of {self.scheme}: URLs",
                f"known: {', '.join(sorted(known))}",
            )


_SECRET = re.compile(r"(?:\w*_)?(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|wallet)", re.I)


def _carries_a_login(target: str, query: str) -> bool:
    """Told before anything of it is repeated in a message."""
    in_target = target.startswith("//") and "@" in target
    return in_target or any(_SECRET.fullmatch(part.partition("=")[0]) for part in query.split("&"))

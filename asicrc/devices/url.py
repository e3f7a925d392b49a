"""Device URLs: `scheme:target?option=value&...`."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

from asicrc.errors import UsageError

URL_FORMS = (
    ("serial:/dev/ttyUSB0?chip=bm1366", "chips on a serial adapter; chip= names their model"),
    ("bitaxe-raw:/dev/ttyACM0,/dev/ttyACM1", "a Bitaxe with bitaxe-raw: control port, chip port; board="),
    ("sim:bm1366", "an emulated device"),
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

import pytest

from asicrc.devices.scale import Scale
from asicrc.devices.url import DeviceUrl
from asicrc.errors import UsageError
from firmware_protocols.bm13xx import model_by_name

BM1366 = model_by_name("bm1366")


def test_parts_of_a_url() -> None:
    url = DeviceUrl.parse("serial:/dev/ttyUSB0?chip=bm1366&baud=9600")
    assert (url.scheme, url.target, url.options) == (
        "serial",
        "/dev/ttyUSB0",
        {"chip": "bm1366", "baud": "9600"},
    )
    assert url.number("baud", None, 1200, 4e6) == 9600
    assert url.number("absent", 3.0, 0, 9) == 3.0


@pytest.mark.parametrize(
    "text", ["", "serial", "serial:", ":x", "serial:/dev/x?chip", "serial:/dev/x?a=1&a=2"]
)
def test_a_bad_url_is_a_usage_error_that_says_what_is_wrong(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        DeviceUrl.parse(text)
    assert caught.value.message


@pytest.mark.parametrize("value", ["fast", "nan", "1", "9e9"])
def test_numbers_have_ranges(value: str) -> None:
    with pytest.raises(UsageError):
        DeviceUrl.parse(f"serial:/dev/x?baud={value}").number("baud", None, 1200, 4e6)


def test_unknown_options_are_named_with_the_known_ones() -> None:
    with pytest.raises(UsageError, match="bauds") as caught:
        DeviceUrl.parse("serial:/dev/x?bauds=1").reject_unknown({"baud"})
    assert "baud" in caught.value.hint


def test_real_silicon_has_no_scale() -> None:
    real = Scale.from_url(DeviceUrl.parse("serial:/dev/x?chip=bm1366"), BM1366)
    assert (real.zero_bits, real.cores, real.subcores, real.hashing_units) == (32, 112, 8, 894)
    assert (real.time_scale, real.waits, real.simulated) == (1.0, 1.0, False)
    with pytest.raises(UsageError, match="zero_bits"):
        Scale.from_url(DeviceUrl.parse("serial:/dev/x?zero_bits=8"), BM1366)


def test_an_emulator_states_its_scale() -> None:
    scale = Scale.from_url(
        DeviceUrl.parse(
            "serial:/dev/pts/3?simulated=1&zero_bits=16&cores=4&subcores=2&time_scale=50&waits=0"
        ),
        BM1366,
    )
    assert (scale.zero_bits, scale.cores, scale.subcores, scale.hashing_units) == (16, 4, 2, 8)
    assert (scale.time_scale, scale.waits) == (50.0, 0.0)


def test_nobody_shortens_the_waits_of_silicon() -> None:
    with pytest.raises(UsageError, match="no pseudo-terminal"):
        Scale.from_url(DeviceUrl.parse("serial:/dev/ttyUSB0?simulated=1&waits=0"), BM1366)

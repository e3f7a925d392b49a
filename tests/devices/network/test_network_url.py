"""What may stand in the URL of a miner, and that nothing in it is a secret."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asicrc.devices.network.credentials import PASSWORD, PASSWORD_FILE, Credentials
from asicrc.devices.network.network_url import NetworkUrl
from asicrc.devices.url import DeviceUrl
from asicrc.errors import AsicrcError, UsageError


def parsed(text: str) -> NetworkUrl:
    return NetworkUrl.parse(DeviceUrl.parse(text))


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("axeos://10.0.0.7", "10.0.0.7", 80),
        ("axeos://bitaxe.local:8080", "bitaxe.local", 8080),
        ("axeos:10.0.0.7/", "10.0.0.7", 80),
        ("cgminer://10.0.0.9", "10.0.0.9", 4028),
        ("luxos://[fd00::5]:4029", "fd00::5", 4029),
        ("goldshell://[fd00::5]", "fd00::5", 80),
    ],
)
def test_host_and_port(text: str, host: str, port: int) -> None:
    url = parsed(text)
    assert (url.host, url.port) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        "axeos://root:hunter2@10.0.0.7",
        "cgminer://hunter2@10.0.0.7",
        "goldshell://10.0.0.7?password=hunter2",
        "goldshell://10.0.0.7?pass=hunter2",
        "axeos://10.0.0.7?pool_password=hunter2&user=a",
        "goldshell://10.0.0.7?token=hunter2",
    ],
)
def test_a_login_is_refused_with_the_place_where_it_belongs_and_never_repeated(text: str) -> None:
    with pytest.raises(UsageError, match="takes no password") as caught:
        parsed(text)
    assert PASSWORD in caught.value.hint
    assert "hunter2" not in caught.value.message + caught.value.hint


@pytest.mark.parametrize(
    "text",
    [
        "axeos://",
        "axeos://10.0.0.7:0",
        "axeos://10.0.0.7:99999",
        "axeos://a b",
        "axeos://host;rm",
        "axeos://10.0.0.7?zero_bits=10",
        "axeos://10.0.0.7?simulated=1",
        "axeos://127.0.0.1?simulated=1&difficulty_one=nothing",
        "axeos://10.0.0.7?server_port=70000",
        "axeos://10.0.0.7?listen=somewhere",
        "axeos://10.0.0.7?listen=0.0.0.0",
        "axeos://[fd00::5]?listen=::",
        "axeos://10.0.0.7?listen=224.0.0.1",
        "axeos://10.0.0.7?user=bc1q%20x",
        "axeos://10.0.0.7?point=away",
        "axeos://10.0.0.7?speed=9",
    ],
)
def test_what_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parsed(text)


@given(st.text(max_size=60))
def test_any_text_is_parsed_or_explained(text: str) -> None:
    for prefix in ("axeos://", "cgminer://10.0.0.1?", "luxos:"):
        try:
            url = parsed(prefix + text)
        except AsicrcError:
            continue
        assert 1 <= url.port <= 65535
        assert url.host


def test_an_emulator_states_its_scale_and_gets_a_port_of_its_own() -> None:
    url = parsed("axeos://127.0.0.1:81?simulated=1&zero_bits=10&hash_rate_scale=3e5&difficulty_one=123456")
    assert url.difficulty_one == 123456
    assert url.scale == {"zero_bits": 10.0, "hash_rate_scale": 3e5}
    assert url.usual_server_port == 0
    assert parsed("axeos://10.0.0.7").usual_server_port == 3333
    assert parsed("axeos://10.0.0.7").difficulty_one == 0xFFFF << 208


def test_a_password_comes_from_the_environment_or_from_a_file_of_ones_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv(PASSWORD, raising=False)
    monkeypatch.delenv(PASSWORD_FILE, raising=False)
    assert Credentials.from_environment().password is None
    file = tmp_path / "secret"
    file.write_text("hunter2\nmore\n")
    file.chmod(0o600)
    monkeypatch.setenv(PASSWORD_FILE, str(file))
    assert Credentials.from_environment().password == "hunter2"
    assert "hunter2" not in repr(Credentials.from_environment())
    for mode in (0o640, 0o604, 0o660):
        file.chmod(mode)
        with pytest.raises(UsageError, match="not yours alone") as caught:
            Credentials.from_environment()
        assert f"chmod 600 {file}" == caught.value.hint
        assert f"{stat.S_IMODE(mode):04o}" in caught.value.message
    monkeypatch.setenv(PASSWORD, "from the environment")
    assert Credentials.from_environment().password == "from the environment"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\n"])
def test_a_password_file_without_a_password_is_explained(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes
) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content)
    file.chmod(0o600)
    monkeypatch.delenv(PASSWORD, raising=False)
    monkeypatch.setenv(PASSWORD_FILE, str(file))
    with pytest.raises(UsageError):
        Credentials.from_environment()
    monkeypatch.setenv(PASSWORD_FILE, str(tmp_path))
    with pytest.raises(UsageError):
        Credentials.from_environment()

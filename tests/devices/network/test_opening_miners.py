"""Opening a miner on the network: one lock and one kept file for it, however its address is written."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from fake_cgminer import FakeCgminer

from asicrc.devices.limits_in_force import LimitsInForce
from asicrc.devices.network.network_device import NetworkMinerDevice
from asicrc.devices.network.opening import open_network_miner
from asicrc.devices.url import DeviceUrl
from asicrc.errors import DeviceError


def opened(host: str, port: int) -> NetworkMinerDevice:
    return open_network_miner(DeviceUrl.parse(f"cgminer://{host}:{port}"), LimitsInForce.built_in())


@pytest.mark.parametrize("other", ["s9.local", "[::ffff:127.0.0.1]"])
def test_a_miner_is_held_under_each_spelling_of_its_address(
    other: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    look_up = socket.getaddrinfo

    def resolve(host: str, *arguments: object, **options: object) -> object:
        return look_up("127.0.0.1" if host == "s9.local" else host, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with FakeCgminer().serving() as client:
        port = int(client.name.rpartition(":")[2])
        first, second = opened("127.0.0.1", port), opened(other, port)
        try:
            first.check({})
            with pytest.raises(DeviceError, match="another capture"):
                second.check({})
        finally:
            first.close()
            second.close()

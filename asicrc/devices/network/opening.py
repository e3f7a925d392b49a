"""Opening a miner on the network: who answers there, which limits hold for it, and its device."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import replace

from asicrc.bench.envelope import Envelope
from asicrc.clock import MACHINE_CLOCK
from asicrc.devices.limits_in_force import LimitsInForce
from asicrc.devices.network.axeos import AxeosControl
from asicrc.devices.network.axeos_client import AxeosClient
from asicrc.devices.network.cgminer import CgminerControl
from asicrc.devices.network.cgminer_client import CgminerClient
from asicrc.devices.network.control import MinerControl
from asicrc.devices.network.credentials import Credentials
from asicrc.devices.network.goldshell import GoldshellControl
from asicrc.devices.network.goldshell_client import GoldshellClient
from asicrc.devices.network.kept_originals import KeptOriginals, fingerprint
from asicrc.devices.network.luxos import LuxosControl
from asicrc.devices.network.network_device import NetworkMinerDevice
from asicrc.devices.network.network_url import NetworkUrl
from asicrc.devices.network.waiting import Waiting
from asicrc.devices.url import DeviceUrl
from asicrc.errors import DeviceError, UsageError
from asicrc.transports.command_exchange import CommandExchange
from asicrc.transports.http_exchange import HttpExchange
from firmware_protocols.axeos import ESP_OLD, AxeosInfo, detect_profile
from firmware_protocols.device import DeviceIdentity, DeviceLost
from firmware_protocols.errors import RemoteProtocolError

_SCAN_HINT = "`asicrc devices --scan` with the miner's network finds what answers where"


def open_network_miner(
    url: DeviceUrl,
    limits: LimitsInForce,
    say: Callable[[str], None] = lambda _: None,
    stop_asked: Callable[[], bool] = lambda: False,
) -> NetworkMinerDevice:
    """Nothing is written to the miner. Raises UsageError, DeviceError."""
    network = NetworkUrl.parse(url)
    address = network.resolved()
    waiting = Waiting(MACHINE_CLOCK, stop_asked)
    control = _control(network, address, limits, waiting)
    control.log += limits.remarks()
    kept = KeptOriginals(_key(network, address, control.identity))
    return NetworkMinerDevice(control, network, address, waiting, kept, say)


def _key(url: NetworkUrl, address: str, identity: DeviceIdentity) -> str:
    """Names the miner on this machine, however its address is written in the URL."""
    if identity.serial is not None:
        return f"{identity.serial}-{url.port}" if url.simulated else identity.serial
    found = ipaddress.ip_address(address)
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return f"{url.scheme}-{mapped or found}-{url.port}"


def _control(url: NetworkUrl, address: str, limits: LimitsInForce, waiting: Waiting) -> MinerControl:
    try:
        if url.scheme == "axeos":
            return _axeos(url, address, limits, waiting)
        if url.scheme == "goldshell":
            return _goldshell(url, address, limits, waiting)
        return _cgminer(url, address, limits, waiting)
    except DeviceLost as error:
        hint = "is it switched on, and in this network? A browser shows its web page at the same address"
        raise DeviceError(str(error), f"{hint}; {_SCAN_HINT}") from None
    except RemoteProtocolError as error:
        raise DeviceError(
            f"what answers at {url.host}:{url.port} is no {url.scheme}: {error}", _SCAN_HINT
        ) from None


def _axeos(url: NetworkUrl, address: str, limits: LimitsInForce, waiting: Waiting) -> AxeosControl:
    exchange = HttpExchange(address, url.port)
    try:
        info = AxeosClient(exchange, ESP_OLD, waiting, MACHINE_CLOCK).info()
        client = AxeosClient(exchange, detect_profile(info), waiting, MACHINE_CLOCK)
        options = client.options()
        model = (info.asic_model or (options.asic_model if options else None) or "").upper()
        chips = (options.asic_count if options else None) or info.asic_count or 1
        board = url.board or ("lv06" if "LV06" in (info.miner_model or "").upper() else "axeos")
        envelope = _envelope(limits, board, model, url)
        if chips > 1:  # several chips in a row share what these limits were made for
            envelope = replace(envelope, voltage_mv=None, power_w=None)
        identity = DeviceIdentity(
            url=url.text,
            family="axeos",
            model=model,
            chips=chips,
            serial=None if info.mac is None else fingerprint(info.mac),
            firmware=info.version,
            simulated=url.simulated,
            details=_details(
                url,
                board=board,
                profile=client.profile.name,
                board_version=info.board_version,
                miner_model=info.miner_model,
                small_core_count=info.small_core_count,
            ),
        )
        control = AxeosControl(client, identity, envelope, waiting, MACHINE_CLOCK, can_set_power=chips == 1)
    except BaseException:
        exchange.close()
        raise
    control.log += _about_an_axeos(info, chips)
    return control


def _about_an_axeos(info: AxeosInfo, chips: int) -> list[str]:
    said = []
    if chips > 1:
        said.append(f"no limits are known for a board of {chips} chips: its clock and voltage are left alone")
    if info.mac is None:
        said.append("this firmware tells no MAC address: on the way back it is known by its model alone")
    return said


def _cgminer(url: NetworkUrl, address: str, limits: LimitsInForce, waiting: Waiting) -> CgminerControl:
    client = CgminerClient(CommandExchange(address, url.port))
    version, stats = client.version(), client.stats()
    is_luxos = "LUXMINER" in (version.software or stats.software or "").upper()
    if is_luxos != (url.scheme == "luxos"):
        other = "luxos" if is_luxos else "cgminer"
        software = version.software or stats.software or "other software"
        raise UsageError(
            f"{url.host} runs {software}, which is not what {url.scheme}: is for",
            f"{other}://{url.host}:{url.port}",
        )
    named = stats.miner_type or version.miner_type or ""
    board = url.board or ("s9" if "S9" in named.upper() else None)
    if board is None:
        raise UsageError(
            f"{url.host} is {named or 'a miner of no name'}: no limits are known for it",
            "known is the Antminer S9; if it is one, ?board=s9 says so",
        )
    chips = sum(chain.chips for chain in stats.chains)
    identity = DeviceIdentity(
        url=url.text,
        family=url.scheme,
        model="BM1387",
        chips=chips,
        firmware=version.software_version or stats.software_version,
        simulated=url.simulated,
        details=_details(
            url, board=board, miner_type=named, software=version.software, chains=len(stats.chains)
        ),
    )
    make = LuxosControl if is_luxos else CgminerControl
    return make(client, identity, _envelope(limits, board, "BM1387", url), waiting, MACHINE_CLOCK)


def _goldshell(url: NetworkUrl, address: str, limits: LimitsInForce, waiting: Waiting) -> GoldshellControl:
    exchange = HttpExchange(address, url.port)
    try:
        commands = CgminerClient(CommandExchange(address, url.command_port))
        client = GoldshellClient(exchange, Credentials.from_environment(), commands)
        status = client.status()
        named = status.model or ""
        board = url.board or ("lb-box" if _is_lb_box(named) else None)
        if board is None:
            raise UsageError(
                f"{url.host} is {named or 'a box of no name'}: only the LB-Box mines what is known here",
                "if it is one, ?board=lb-box says so",
            )
        name = client.setting().name
        identity = DeviceIdentity(
            url=url.text,
            family="goldshell",
            model="LBRY",
            chips=len(client.boards()),
            serial=None if name is None else fingerprint(name),
            firmware=status.firmware,
            simulated=url.simulated,
            details=_details(url, board=board, miner_type=named, hardware=status.hardware),
        )
        return GoldshellControl(
            client, identity, _envelope(limits, board, "LBRY", url), waiting, MACHINE_CLOCK
        )
    except BaseException:
        exchange.close()
        raise


def _is_lb_box(model: str) -> bool:
    """Its siblings are called Goldshell-SCBox, Goldshell-HSBOX; nobody has published this one's name."""
    return "LB" in model.upper().replace("GOLDSHELL", "")


def _envelope(limits: LimitsInForce, board: str, chip: str, url: NetworkUrl) -> Envelope:
    try:
        return limits.envelope(board, chip)
    except UsageError as error:
        raise UsageError(f"{url.host}: {error.message}", error.hint) from None


def _details(
    url: NetworkUrl, **found: str | int | float | None
) -> dict[str, str | int | float | bool | None]:
    details: dict[str, str | int | float | bool | None] = {
        name: value[:100] if isinstance(value, str) else value for name, value in found.items()
    }
    if url.simulated:
        details |= {name: int(v) if name == "zero_bits" else v for name, v in url.scale.items()}
    return details

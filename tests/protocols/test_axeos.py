"""AxeOS: replies of four generations, what may be written to each, and what is never stored or sent back."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest
from axeos_documents import FAN, HEAD, MAC, SSID, V2_0_0, V2_1_8, V2_6_0, WALLET
from hypothesis import given
from hypothesis import strategies as st

from firmware_protocols.axeos import (
    ESP_FAN,
    ESP_HEAD,
    ESP_LIVE,
    ESP_OLD,
    MASK,
    MAX_BODY,
    PROFILES,
    Act,
    Action,
    AsicOptions,
    AxeosInfo,
    AxeosPool,
    AxeosSettings,
    BestShare,
    ChangeSettings,
    ChipHashRate,
    DeletePool,
    Done,
    GetAsic,
    GetInfo,
    GetScoreboard,
    GetStatistics,
    HttpReply,
    HttpRequest,
    Profile,
    PutPool,
    Refused,
    RejectedReason,
    Request,
    Statistics,
    Update,
    decode_request,
    detect_profile,
    encode_request,
    info_from,
    read_asic,
    read_done,
    read_info,
    read_scoreboard,
    read_settings,
    read_settings_reply,
    read_statistics,
    redacted,
    settings_body,
    split_url,
    unmet,
    write_acted,
    write_asic,
    write_info,
    write_message,
    write_refusal,
    write_scoreboard,
    write_settings_reply,
    write_statistics,
)
from firmware_protocols.axeos.info_fields import INFO_FIELDS
from firmware_protocols.axeos.settings_codec import _NUMBERS
from firmware_protocols.device import Capability
from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.suffixed_numbers import read_suffixed, write_suffixed

DOCUMENTS = [
    (V2_0_0, ESP_OLD),
    (V2_1_8, ESP_OLD),
    (V2_6_0, ESP_LIVE),
    (FAN, ESP_FAN),
    (HEAD, ESP_HEAD),
]


def reply(document: object) -> HttpReply:
    return HttpReply(200, json.dumps(document).encode())


def info_of(document: dict[str, Any]) -> AxeosInfo:
    info = read_info(reply(document))
    assert isinstance(info, AxeosInfo)
    return info


# --- telemetry


def test_the_published_set_has_no_message_of_a_management_interface(published: Callable[[str], Path]) -> None:
    """It is of Stratum, headers and rates: of its 21 vectors none is of HTTP or of port 4028."""
    vectors = json.loads(published("netapi.json").read_text())
    kinds = {"share", "header", "negative", "target", "share_rate", "extranonce2_le"}
    assert len(vectors) == 21
    assert [vector["id"] for vector in vectors if vector["kind"] not in kinds] == []


@pytest.mark.parametrize(("document", "profile"), DOCUMENTS)
def test_a_reply_tells_its_generation(document: dict[str, Any], profile: Profile) -> None:
    assert detect_profile(info_of(document)) is profile
    assert PROFILES[profile.name] is profile


def test_old_names_and_units() -> None:
    info = info_of(V2_1_8)
    assert (info.frequency_mhz, info.core_voltage_mv, info.core_voltage_actual_mv) == (50, 990, 981)
    assert (info.input_voltage_mv, info.input_current_ma, info.power_w) == (5151.25, 280, 1.4)
    assert (info.fan_rpm, info.fan_percent, info.auto_fan) == (4960, 100, False)
    assert (info.best_difficulty, info.best_session_difficulty) == (12.35e6, 289)
    assert info.primary_pool == AxeosPool("public-pool.example", 21496, f"{WALLET}.lv06")
    assert info.extra == {"flipscreen": 1, "invertscreen": 0, "invertfanpolarity": 1}


def test_what_an_old_device_does_not_say_is_none_and_never_zero() -> None:
    info = info_of(V2_1_8)
    for name in (
        "overheat_mode",
        "frequency_actual_mhz",
        "regulator_temp_c",
        "mac",
        "fallback_pool",
        "pools",
    ):
        assert getattr(info, name) is None


def test_the_first_firmware_tells_the_password_of_the_network() -> None:
    info = info_of(V2_0_0)
    assert (info.wifi_password, info.fan_rpm) == ("correct horse", 82)
    assert "correct horse" not in repr(info)
    assert "correct horse" not in json.dumps(redacted(info))


def test_names_between_old_and_new() -> None:
    info = info_of(V2_6_0)
    assert (info.pool_difficulty, info.asic_count, info.small_core_count) == (1000, 1, 894)
    assert (info.overheat_mode, info.regulator_temp_c, info.best_difficulty) == (
        False,
        45,
        pytest.approx(4.1e9),
    )
    assert info.fallback_pool == AxeosPool("solo.example", 3333, f"{WALLET}.bitaxe")
    assert info.rejected_reasons == (RejectedReason("Above target", 6),)


def test_the_present_names() -> None:
    info = info_of(HEAD)
    assert (info.frequency_mhz, info.frequency_actual_mhz) == (487.5, 487.5)
    assert (info.chip_temp_c, info.chip_temp2_c, info.regulator_temp_c) == (54.25, None, 48)  # -1: no reading
    assert info.chips == (ChipHashRate(434.2, (108.5, 108.6, 108.4, 108.7), 12),)
    assert (info.fan_percent, info.manual_fan_percent, info.mining_paused) == (61, 100, False)
    assert info.pools is not None
    first, second = info.pools
    assert (first.slot, first.password, first.tls, first.protocol) == (0, None, 0, "SV1")
    assert first.extra == {
        "stratumV2ChannelType": "extended",
        "stratumV2AuthorityPubkey": "",
        "stratumV2RequireAuth": False,
    }
    assert (second.slot, second.host) == (1, "solo.example")
    assert info.extra["networkDifficulty"] == 1.2e14


def test_the_table_names_every_member_once() -> None:
    elsewhere = {"primary_pool", "fallback_pool", "pools", "chips", "rejected_reasons", "extra"}
    assert sorted(entry.member for entry in INFO_FIELDS) == sorted(
        {entry.name for entry in fields(AxeosInfo)} - elsewhere
    )


@pytest.mark.parametrize(("document", "profile"), [pair for pair in DOCUMENTS if pair[0] is not V2_0_0])
def test_what_a_device_writes_is_read_as_it_was_meant(document: dict[str, Any], profile: Profile) -> None:
    info = info_of(document)
    again = read_info(write_info(info, profile))
    assert isinstance(again, AxeosInfo)
    left_out = {"asic_count"} if profile is ESP_LIVE else set()  # v2.10, which is written, has it elsewhere
    for entry in fields(AxeosInfo):
        if entry.name not in left_out:
            assert getattr(again, entry.name) == getattr(info, entry.name), entry.name


def test_an_old_device_writes_what_v2_1_8_writes() -> None:
    written = json.loads(write_info(info_of(V2_1_8), ESP_OLD).body)
    assert written == V2_1_8
    assert set(json.loads(write_info(info_of(HEAD), ESP_OLD).body)) - set(info_of(HEAD).extra) <= set(V2_1_8)


def test_a_new_device_writes_every_name_that_was_given() -> None:
    written = json.loads(write_info(info_of(HEAD), ESP_HEAD).body)
    assert written == HEAD


def test_a_device_without_pools_or_readings() -> None:
    bare = AxeosInfo(asic_model="BM1366", frequency_mhz=485.0)
    assert json.loads(write_info(bare, ESP_OLD).body) == {
        "ASICModel": "BM1366",
        "frequency": 485.0,
        "temp": -1,
    }
    head = json.loads(write_info(bare, ESP_HEAD).body)
    assert (head["temp"], head["temp2"], head["vrTemp"], head["pools"]) == (-1, -1, -1, [])


numbers = st.none() | st.floats(0, 1e6, allow_nan=False)
infos = st.builds(
    AxeosInfo,
    asic_model=st.sampled_from(["BM1366", "BM1368"]),
    frequency_mhz=st.floats(1, 1000),
    power_w=numbers,
    chip_temp_c=numbers,
    regulator_temp_c=numbers,
    core_voltage_mv=st.none() | st.integers(1, 2000),
    overheat_mode=st.none() | st.booleans(),
    mining_paused=st.none() | st.booleans(),
    best_difficulty=st.none() | st.integers(0, 10**14).map(float),
    version=st.none() | st.text(st.characters(exclude_categories=("Cs",)), max_size=8),
    pools=st.lists(st.integers(0, 7), unique=True, max_size=8).map(
        lambda slots: tuple(AxeosPool(f"pool{i}", 3333, "user", slot=i) for i in slots)
    ),
)


@given(infos)
def test_any_state_goes_there_and_back_at_head(info: AxeosInfo) -> None:
    assert read_info(write_info(info, ESP_HEAD)) == info


@given(st.integers(0, 10**20))
def test_difficulties_as_text_keep_three_digits(difficulty: int) -> None:
    text = write_suffixed(difficulty)
    assert len(text) <= 9
    assert read_suffixed(text, "x") == pytest.approx(difficulty, rel=0.006, abs=0.5)


@pytest.mark.parametrize(
    ("difficulty", "text"), [(0, "0"), (999, "999"), (1000, "1.00k"), (12_345_678, "12.35M"), (2e18, "2.00E")]
)
def test_difficulties_are_written_as_the_firmware_does(difficulty: float, text: str) -> None:
    assert write_suffixed(difficulty) in (text, text.replace("12.35", "12.34"))


@pytest.mark.parametrize("wrong", ["", "M", "1.2.3M", "12 MM", "-5", "1e9", "9" * 40])
def test_other_text_is_no_difficulty(wrong: str) -> None:
    with pytest.raises(RemoteProtocolError, match="no number such as"):
        read_suffixed(wrong, "bestDiff")


@pytest.mark.parametrize("wrong", [-1.0, float("nan"), 1e21])
def test_a_difficulty_that_no_text_can_say(wrong: float) -> None:
    with pytest.raises(LocalProtocolError):
        write_suffixed(wrong)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"frequency": "485"}, "/api/system/info: frequency: text where a number belongs"),
        ({"power": True}, "power: true or false where a number belongs"),
        ({"temp": []}, "temp: a list where a number belongs"),
        ({"uptimeSeconds": 1.5}, "uptimeSeconds: a number that is not whole"),
        ({"overheat_mode": 7}, "overheat_mode: a number where true, false, 0 or 1"),
        ({"bestDiff": "many"}, "bestDiff: text that is no number such as"),
        ({"version": 2}, "version: a number where text belongs"),
        ({"pools": {}}, "pools: an object where a list belongs"),
        ({"pools": [5]}, r"pools\[0\]: a number where an object belongs"),
        ({"pools": [{"id": 0}]}, r"pools\[0\]: a pool without an url"),
        ({"pools": [{"stratumURL": "a"}]}, r"pools\[0\]: a pool without an url, or without a place"),
        ({"pools": [{"stratumURL": "a", "id": 8}]}, "without a place from 0 to 7"),
        ({"hashrateMonitor": {}}, "hashrateMonitor: asics: null where a list belongs"),
        ({"hashrateMonitor": {"asics": [{"domains": ["x"]}]}}, r"asics.*|hashrateMonitor\[0\]: domains\[0\]"),
        ({"sharesRejectedReasons": [{"count": 1}]}, r"sharesRejectedReasons\[0\]: message: null"),
        ({"stratumPort": "3333"}, "stratumPort: text where a number belongs"),
    ],
)
def test_wrong_types_are_named(change: dict[str, Any], words: str) -> None:
    with pytest.raises(RemoteProtocolError, match=words):
        read_info(reply(HEAD | change))


@pytest.mark.parametrize("document", [{}, {"hashRate": 5}, {"ASICModel": None}])
def test_other_json_is_not_taken_for_a_device(document: dict[str, Any]) -> None:
    with pytest.raises(RemoteProtocolError, match="is this an AxeOS device"):
        read_info(reply(document))


def test_null_is_as_good_as_absent() -> None:
    assert info_of(V2_1_8 | {"power": None}).power_w is None
    assert info_from({"frequency": 485}).frequency_mhz == 485


@given(
    st.binary(max_size=400) | st.sampled_from(sorted(HEAD)).map(lambda key: json.dumps({key: "x"}).encode())
)
def test_junk_is_an_error_of_the_device(body: bytes) -> None:
    for read in (read_info, read_asic, read_statistics, read_scoreboard, read_settings_reply, read_done):
        try:
            read(HttpReply(200, body))
        except RemoteProtocolError:
            continue


@given(
    st.dictionaries(
        st.sampled_from(sorted(HEAD)), st.none() | st.booleans() | st.floats() | st.text(max_size=4)
    )
)
def test_junk_under_known_names_is_an_error_of_the_device(change: dict[str, Any]) -> None:
    try:
        read_info(HttpReply(200, json.dumps(HEAD | change).encode()))
    except RemoteProtocolError as error:
        assert str(error).startswith("/api/system/info")


# --- secrets

_MARKED = st.text(st.sampled_from("abcdefgh123456789"), min_size=8, max_size=16).map(lambda text: f"Zq{text}")


@given(
    _MARKED,
    st.sampled_from(["stratumUser", "ssid", "macAddr", "wifiPass", "stratumCert", "hostname", "wallet"]),
)
def test_no_secret_survives(secret: str, name: str) -> None:
    document = HEAD | {
        name: secret,
        "version": f"v2 of {secret}" if name not in ("hostname", "wallet") else "v2",
        "poolConnectionInfo": secret,
        "stratumURL": f"{secret}:x@pool.example",
        "pools": [
            HEAD["pools"][0] | {"stratumUser": f"{secret}.1", "stratumPassword": secret, "note": secret}
        ],
        "coinbaseOutputs": [{"address": secret}],
        f"at {secret}" if name not in ("hostname", "wallet") else "at": 1,
    }
    info = info_of(document)
    kept = json.dumps(redacted(info))
    assert secret.lower() not in kept.lower()
    assert secret not in repr(replace(info, version=None, primary_pool=None))


def test_what_is_stored_keeps_the_measurements() -> None:
    kept = redacted(info_of(HEAD))
    assert (kept["frequency_mhz"], kept["asic_model"], kept["chip_temp_c"]) == (487.5, "BM1366", 54.25)
    pools = kept["pools"]
    assert isinstance(pools, list)
    assert isinstance(pools[0], dict)
    assert (pools[0]["port"], pools[0]["url"], pools[0]["protocol"]) == (21496, "[redacted]", "SV1")
    text = json.dumps(kept).lower()
    for secret in (WALLET, SSID, MAC, MAC.replace(":", ""), "192.168.1.77"):
        assert secret.lower() not in text


def test_a_masked_password_is_none_and_never_sent_as_one() -> None:
    pool = AxeosPool("pool.example", 3333, "me")
    kept = settings_body(AxeosSettings(pools=(replace(pool, slot=2),)), ESP_HEAD)
    assert kept["pools"] == [
        {
            "id": 2,
            "stratumURL": "pool.example",
            "stratumPort": 3333,
            "stratumUser": "me",
            "stratumPassword": MASK,  # the one value that keeps the password of the slot
        }
    ]
    flat = settings_body(AxeosSettings(primary_pool=pool), ESP_OLD)
    assert flat == {"stratumURL": "pool.example", "stratumPort": 3333, "stratumUser": "me"}
    for profile, settings in (
        (ESP_HEAD, AxeosSettings(pools=(replace(pool, slot=2, password=MASK),))),
        (ESP_OLD, AxeosSettings(primary_pool=replace(pool, password=MASK))),
    ):
        with pytest.raises(LocalProtocolError, match="five stars"):
            settings_body(settings, profile)


def test_a_listed_pool_is_written_back_whole() -> None:
    pools = info_of(HEAD).pools
    assert pools is not None
    body = settings_body(AxeosSettings(pools=pools), ESP_HEAD)
    assert body["pools"] == HEAD["pools"]


# --- pools


@pytest.mark.parametrize(
    ("url", "parts"),
    [
        ("pool.example", (None, "pool.example", None)),
        ("pool.example:3333", (None, "pool.example", 3333)),
        ("stratum+tcp://pool.example:3333", ("stratum+tcp", "pool.example", 3333)),
        ("stratum+ssl://me:pw@pool.example:443/path", ("stratum+ssl", "pool.example", 443)),
        ("pool.example:99999", (None, "pool.example:99999", None)),
        ("pool.example:port", (None, "pool.example:port", None)),
        ("", (None, "", None)),
    ],
)
def test_addresses_in_every_form_in_use(url: str, parts: tuple[str | None, str, int | None]) -> None:
    assert split_url(url) == parts


def test_a_pool_of_an_address() -> None:
    assert AxeosPool.at("stratum+tcp://a.example:3333", "me") == AxeosPool("a.example", 3333, "me", "x")
    assert AxeosPool.at("stratum+ssl://a.example:443", "me", "pw", slot=3) == AxeosPool(
        "a.example", 443, "me", "pw", tls=1, slot=3
    )
    for wrong in ("a.example", "stratum+tcp://:3333", "http://a.example:80", ""):
        with pytest.raises(LocalProtocolError):
            AxeosPool.at(wrong, "me")


@pytest.mark.parametrize(
    "pool",
    [
        AxeosPool("stratum+tcp://a.example", 3333, "me"),
        AxeosPool("a.example:3333", 3333, "me"),
        AxeosPool("", 3333, "me"),
        AxeosPool("a.example", None, "me"),
        AxeosPool("a.example", 0, "me"),
        AxeosPool("a.example", 3333, ""),
        AxeosPool("a.example", 3333, "m" * 256),
        AxeosPool("a.example", 3333, "me", "p" * 256),
    ],
)
def test_pools_that_no_device_takes(pool: AxeosPool) -> None:
    with pytest.raises(LocalProtocolError):
        settings_body(AxeosSettings(primary_pool=pool), ESP_OLD)


# --- settings


def test_names_follow_the_generation() -> None:
    settings = AxeosSettings(frequency_mhz=400.0, core_voltage_mv=1100, auto_fan=False, fan_percent=80)
    common = {"frequency": 400, "coreVoltage": 1100, "autofanspeed": 0}
    assert settings_body(settings, ESP_OLD) == common | {"fanspeed": 80}
    assert settings_body(settings, ESP_LIVE) == common | {"fanspeed": 80}
    assert settings_body(settings, ESP_FAN) == common | {"manualFanSpeed": 80}
    assert settings_body(AxeosSettings(clear_overheat=True), ESP_HEAD) == {"overheat_mode": 0}
    assert settings_body(AxeosSettings(frequency_mhz=487.5), ESP_HEAD) == {"frequency": 487.5}
    fallback = AxeosPool("b.example", 3333, "me", "x")
    assert settings_body(AxeosSettings(fallback_pool=fallback), ESP_LIVE) == {
        "fallbackStratumURL": "b.example",
        "fallbackStratumPort": 3333,
        "fallbackStratumUser": "me",
        "fallbackStratumPassword": "x",
    }


@pytest.mark.parametrize(
    ("settings", "profile", "words"),
    [
        (AxeosSettings(frequency_mhz=487.5), ESP_LIVE, "cuts frequency_mhz to a whole number"),
        (AxeosSettings(frequency_mhz=0.5), ESP_HEAD, "between 1 and 65535"),
        (AxeosSettings(frequency_mhz=float("nan")), ESP_HEAD, "between 1 and 65535"),
        (AxeosSettings(core_voltage_mv=70000), ESP_HEAD, "core_voltage_mv lies between"),
        (AxeosSettings(fan_percent=101), ESP_OLD, "between 0 and 100"),
        (
            AxeosSettings(temp_target_c=60),
            ESP_OLD,
            "esp-old ignores temp_target_c and answers 200 all the same",
        ),
        (AxeosSettings(pools=()), ESP_FAN, "ignores pools"),
        (AxeosSettings(primary_pool=AxeosPool("a", 1, "u")), ESP_HEAD, "ignores primary_pool"),
        (AxeosSettings(pools=(AxeosPool("a", 1, "u"),)), ESP_HEAD, "a slot from 0 to 7"),
        (AxeosSettings(clear_overheat=False), ESP_HEAD, "cleared and not be set"),
    ],
)
def test_what_would_be_ignored_or_refused_is_not_sent(
    settings: AxeosSettings, profile: Profile, words: str
) -> None:
    with pytest.raises(LocalProtocolError, match=words):
        encode_request(ChangeSettings(settings), profile)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("frequency_mhz", 1, 65535),
        ("core_voltage_mv", 1, 65535),
        ("fan_percent", 0, 100),
        ("min_fan_percent", 0, 99),
        ("temp_target_c", 35, 66),
        ("stats_interval_s", 0, 65535),
        ("primary_pool_index", 0, 7),
        ("secondary_pool_index", 0, 7),
    ],
)
def test_numbers_reach_as_far_as_the_firmwares_own_limits(name: str, low: int, high: int) -> None:
    """Limits of ESP-Miner's settings, the first and last number that it takes."""
    for value in (low, high):
        body = settings_body(AxeosSettings(**{name: value}), ESP_HEAD)
        assert list(body.values()) == [value]
    for value in (low - 1, high + 1):
        with pytest.raises(LocalProtocolError, match=f"{name} lies between {low} and {high}"):
            settings_body(AxeosSettings(**{name: value}), ESP_HEAD)


def test_every_setting_has_its_effect_stated() -> None:
    told = {name for profile in PROFILES.values() for name in profile.settings}
    assert told == {entry.name for entry in fields(AxeosSettings)}
    assert ESP_OLD.settings["frequency_mhz"] is Capability.RESTART
    assert ESP_HEAD.settings["frequency_mhz"] is Capability.LIVE
    assert Action.PAUSE in ESP_HEAD.actions
    assert Action.PAUSE not in ESP_OLD.actions


def settings_for(profile: Profile) -> st.SearchStrategy[AxeosSettings]:
    pool = st.builds(
        AxeosPool,
        url=st.sampled_from(["a.example", "10.0.0.2"]),
        port=st.integers(1, 65535),
        user=st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=9),
        password=st.none() | st.sampled_from(["x", "y"]),
        tls=st.none() | st.integers(0, 2),
        suggested_difficulty=st.none() | st.integers(0, 10**6).map(float),
    )
    kinds: dict[str, st.SearchStrategy[Any]] = {
        name: st.booleans() if number.kind is bool else st.integers(number.low, number.high)
        for name, number in _NUMBERS.items()
    }
    kinds |= {"primary_pool": pool, "fallback_pool": pool, "clear_overheat": st.just(True)}
    kinds["pools"] = st.lists(st.integers(0, 7), unique=True, max_size=3).flatmap(
        lambda slots: st.tuples(*(pool.map(lambda p, i=i: replace(p, slot=i)) for i in slots))
    )
    return st.builds(AxeosSettings, **{name: st.none() | kinds[name] for name in profile.settings})


@given(st.sampled_from(list(PROFILES.values())).flatmap(lambda p: st.tuples(st.just(p), settings_for(p))))
def test_settings_go_there_and_back(pair: tuple[Profile, AxeosSettings]) -> None:
    profile, settings = pair
    update = decode_request(encode_request(ChangeSettings(settings), profile), profile)
    assert update == Update(settings, ())


def test_a_device_ignores_names_that_it_does_not_know() -> None:
    """`volts` has never been a name; `fanspeed` is one up to v2.10, single pools up to v2.14."""
    document: dict[str, Any] = {"volts": 1200, "FREQUENCY": 485, "frequency": 500, "fanspeed": 40}
    old = read_settings(document | {"stratumUser": "me"}, ESP_OLD)
    assert old.settings == AxeosSettings(
        frequency_mhz=485, fan_percent=40, primary_pool=AxeosPool("", user="me")
    )
    assert old.ignored == ("volts",)
    head = read_settings(document | {"stratumUser": "me", "hostname": "b"}, ESP_HEAD)
    assert head.settings == AxeosSettings(frequency_mhz=485)
    assert head.ignored == ("volts", "fanspeed", "stratumUser", "hostname")


def test_five_stars_are_a_password_where_there_is_no_list() -> None:
    flat = read_settings({"stratumURL": "a", "stratumPassword": MASK}, ESP_OLD).settings.primary_pool
    assert flat is not None
    assert flat.password == MASK
    listed = read_settings({"pools": [{"id": 1, "stratumURL": "a", "stratumPassword": MASK}]}, ESP_HEAD)
    assert listed.settings.pools == (AxeosPool("a", slot=1),)


@pytest.mark.parametrize(
    "document",
    [
        {"frequency": 0},
        {"frequency": "485"},
        {"coreVoltage": 1200.5},
        {"coreVoltage": 70000},
        {"temptarget": 34},
        {"autofanspeed": 5},
        {"overheat_mode": 1},
        {"overheat_mode": "0"},
        {"pools": {}},
        {"pools": [{"stratumURL": "a"}]},
    ],
)
def test_one_wrong_value_refuses_all(document: dict[str, Any]) -> None:
    with pytest.raises(RemoteProtocolError):
        read_settings({"frequency": 485} | document, ESP_HEAD)


def test_older_firmware_clears_the_overheat_whatever_is_written() -> None:
    assert read_settings({"overheat_mode": 1}, ESP_LIVE).settings == AxeosSettings(clear_overheat=True)


# --- did it come true


def test_what_came_true_is_met() -> None:
    info = info_of(HEAD)
    assert info.pools is not None
    settings = AxeosSettings(
        frequency_mhz=487.5,
        core_voltage_mv=1200,
        auto_fan=True,
        fan_percent=100,
        clear_overheat=True,
        pools=(replace(info.pools[0], password="secret"),),
        primary_pool_index=0,
        use_fallback_pool=False,
    )
    assert unmet(settings, info) == {}
    assert unmet(AxeosSettings(), AxeosInfo()) == {}
    assert unmet(AxeosSettings(fan_percent=100, frequency_mhz=50.0), info_of(V2_1_8)) == {}
    assert unmet(AxeosSettings(primary_pool=AxeosPool("public-pool.example", 21496)), info_of(V2_1_8)) == {}


def test_a_200_that_changed_nothing_shows() -> None:
    settings = AxeosSettings(frequency_mhz=485.0, core_voltage_mv=1200, temp_target_c=60, clear_overheat=True)
    assert unmet(settings, info_of(V2_1_8)) == {
        "frequency_mhz": (485.0, 50),
        "core_voltage_mv": (1200, 990),
        "temp_target_c": (60, None),
        "clear_overheat": (True, None),
    }
    hot = replace(info_of(HEAD), overheat_mode=True, frequency_mhz=387.5)
    assert unmet(AxeosSettings(frequency_mhz=487.5, clear_overheat=True), hot) == {
        "frequency_mhz": (487.5, 387.5),
        "clear_overheat": (True, False),
    }


def test_pools_that_did_not_come_true_show() -> None:
    info = info_of(HEAD)
    ours = AxeosPool("10.0.0.2", 3333, "lab", "x", slot=0)
    assert info.pools is not None
    assert unmet(AxeosSettings(pools=(ours,)), info) == {"pools[0]": (ours, info.pools[0])}
    assert unmet(AxeosSettings(pools=(replace(ours, slot=5),)), info) == {
        "pools[5]": (replace(ours, slot=5), None)
    }
    assert unmet(AxeosSettings(fallback_pool=ours), info_of(V2_1_8)) == {"fallback_pool": (ours, None)}
    assert unmet(AxeosSettings(primary_pool=ours), info_of(V2_1_8))["primary_pool"][0] == ours


def test_single_precision_is_no_difference() -> None:
    assert unmet(AxeosSettings(frequency_mhz=490.1), AxeosInfo(frequency_mhz=490.10000610351562)) == {}
    assert unmet(AxeosSettings(frequency_mhz=490.1), AxeosInfo(frequency_mhz=490.0))


# --- requests and the other replies

REQUESTS: list[tuple[Request, str, str]] = [
    (GetInfo(), "GET", "/api/system/info"),
    (GetAsic(), "GET", "/api/system/asic"),
    (GetStatistics(), "GET", "/api/system/statistics"),
    (GetStatistics(("hashrate", "asicTemp")), "GET", "/api/system/statistics?columns=hashrate%2CasicTemp"),
    (GetScoreboard(), "GET", "/api/system/scoreboard"),
    (Act(Action.RESTART), "POST", "/api/system/restart"),
    (Act(Action.PAUSE), "POST", "/api/system/pause"),
    (Act(Action.RESUME), "POST", "/api/system/resume"),
    (Act(Action.IDENTIFY), "POST", "/api/system/identify"),
    (Act(Action.DISMISS_BLOCK), "POST", "/api/system/blockFound/dismiss"),
    (PutPool(AxeosPool("a", 1, "u", "p", slot=3)), "PUT", "/api/system/pools/3"),
    (DeletePool(3), "DELETE", "/api/system/pools/3"),
]


@pytest.mark.parametrize(("request_", "method", "target"), REQUESTS)
def test_requests_go_there_and_back(request_: Request, method: str, target: str) -> None:
    sent = encode_request(request_, ESP_HEAD)
    assert (sent.method, sent.target) == (method, target)
    received = HttpRequest.received(sent.method, sent.target, sent.headers, sent.body)
    assert decode_request(received, ESP_HEAD) == request_


@pytest.mark.parametrize(
    ("method", "path", "profile"),
    [
        ("GET", "/api/system/wifi", ESP_HEAD),  # in guides, never in the firmware
        ("POST", "/api/system/OTA", ESP_HEAD),
        ("PUT", "/api/system/pools/1", ESP_FAN),
        ("DELETE", "/api/system/pools/8", ESP_HEAD),
        ("DELETE", "/api/system/pools/x", ESP_HEAD),
        ("POST", "/api/system", ESP_HEAD),
        ("BREW", "/", ESP_HEAD),
    ],
)
def test_unknown_paths_are_refused(method: str, path: str, profile: Profile) -> None:
    with pytest.raises(RemoteProtocolError, match="nothing that"):
        decode_request(HttpRequest(method, path), profile)


@pytest.mark.parametrize("body", [b"", b"[]", b'{"a"', b" " * (MAX_BODY + 1)])
def test_bodies_that_cannot_be_read_are_refused(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        decode_request(HttpRequest("PATCH", "/api/system", body=body), ESP_HEAD)


@given(st.text(max_size=30), st.text(max_size=40), st.binary(max_size=60))
def test_any_request_is_read_or_refused(method: str, path: str, body: bytes) -> None:
    for profile in PROFILES.values():
        try:
            decode_request(HttpRequest(method, path, body=body), profile)
        except RemoteProtocolError:
            continue


@pytest.mark.parametrize(
    ("request_", "profile"),
    [
        (DeletePool(1), ESP_FAN),
        (DeletePool(8), ESP_HEAD),
        (PutPool(AxeosPool("a", 1, "u")), ESP_HEAD),
        (
            PutPool(AxeosPool("a", 1, "u", certificate="c" * MAX_BODY, slot=1)),
            ESP_HEAD,
        ),
    ],
)
def test_requests_that_the_device_could_not_read_are_not_made(request_: Request, profile: Profile) -> None:
    with pytest.raises(LocalProtocolError):
        encode_request(request_, profile)


def test_options_of_the_chip() -> None:
    options = AsicOptions(
        asic_model="BM1366",
        device_model="Ultra",
        asic_count=1,
        hash_domains=4,
        default_frequency_mhz=485,
        frequency_options_mhz=(400, 425, 450, 475, 485, 500, 525, 550, 575),
        default_voltage_mv=1200,
        voltage_options_mv=(1100, 1150, 1200, 1250, 1300),
        extra={"swarmColor": "purple"},
    )
    assert read_asic(write_asic(options)) == options
    assert read_asic(reply({})) == AsicOptions()
    assert read_asic(write_asic(AsicOptions())) == AsicOptions()
    assert read_asic(write_refusal(404, "Nothing matches the given URI")) == Refused(
        404, "Nothing matches the given URI"
    )


def test_statistics() -> None:
    statistics = Statistics(5000, ("hashrate", "timestamp"), ((433.5, 1000), (434.0, 3000)))
    assert read_statistics(write_statistics(statistics)) == statistics
    assert read_statistics(HttpReply(401, b"Unauthorized")) == Refused(401, "Unauthorized")
    with pytest.raises(RemoteProtocolError, match=r"statistics\[1\]: 1 values for 2 labels"):
        read_statistics(reply({"labels": ["a", "b"], "statistics": [[1, 2], [3]], "currentTimestamp": 1}))


def test_best_shares() -> None:
    share = BestShare(29588.01, "875b4b7", "17000000", 0x685468D7, 0x7552034C, 0x00B44000)
    assert read_scoreboard(write_scoreboard((share,))) == (share,)
    assert read_scoreboard(HttpReply(404)) == Refused(404, "")
    for wrong in ("7552034C0", "", "0x5", "g"):
        with pytest.raises(RemoteProtocolError, match="32 bits in hexadecimal"):
            read_scoreboard(
                reply([json.loads(write_scoreboard((share,)).body)[0] | {"nonce": wrong}]),
            )


def test_a_200_without_a_body_is_a_valid_answer() -> None:
    assert read_settings_reply(write_settings_reply()) == Done()
    renamed = {"status": "success", "redirect": {"url": "http://b.local", "delay": 2000}}
    assert read_settings_reply(reply(renamed)) == Done()
    assert read_settings_reply(write_refusal(400, "Wrong API input")) == Refused(400, "Wrong API input")
    with pytest.raises(RemoteProtocolError):
        read_settings_reply(HttpReply(200, b"<html>captive portal</html>"))


def test_actions_are_answered_in_text_or_json() -> None:
    assert read_done(write_acted(Action.RESTART, ESP_OLD)) == Done("System will restart shortly.")
    assert read_done(write_acted(Action.RESTART, ESP_HEAD)) == Done("System will restart shortly.")
    assert read_done(write_message("Pool cleared successfully")) == Done("Pool cleared successfully")
    assert read_done(HttpReply(200)) == Done()
    assert read_done(HttpReply(405, b"")) == Refused(405, "")
    assert read_done(HttpReply(404, b"<html>" * 500)) == Refused(404, ("<html>" * 500)[:200])
    with pytest.raises(RemoteProtocolError, match="short message"):
        read_done(HttpReply(200, b"x" * 2000))

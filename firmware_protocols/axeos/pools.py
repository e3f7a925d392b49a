"""The pools of an AxeOS device: host and port apart, a password that is never told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from firmware_protocols.errors import LocalProtocolError, RemoteProtocolError
from firmware_protocols.json_values import Fields, JsonObject, JsonValue, as_object

MASK = "*****"
"""Stands for a password in a reply. In a request to a device with a pool list it keeps the password that is
there; any other firmware would store the five stars."""

SLOTS = 8
MAX_TEXT = 255
SCHEMES = ("stratum+tcp", "stratum+ssl", "stratum+tls", "stratum2+tcp", "stratum", "tcp", "ssl")


@dataclass(frozen=True, slots=True)
class AxeosPool:
    """Where a device mines. None is what the device did not tell, or what is not to be changed.

    `url` is as the device has it: a bare host name. `password` None keeps the one that is set. Names of
    people and machines (`user`, `password`, `certificate`) are not shown by `repr`.
    """

    url: str
    port: int | None = None
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    suggested_difficulty: float | None = None
    extranonce_subscribe: bool | None = None
    tls: int | None = None
    """0 without, 1 with, 2 with TLS and a check of the certificate."""
    certificate: str | None = field(default=None, repr=False)
    decode_coinbase: bool | None = None
    protocol: str | None = None
    """`SV1` or `SV2`."""
    slot: int | None = None
    """Place in a device's pool list, 0 to 7; None where there is no list."""
    extra: Mapping[str, JsonValue] = field(default_factory=dict, repr=False)

    @property
    def host(self) -> str:
        """The url without a scheme, a user and a port."""
        return split_url(self.url)[1]

    @classmethod
    def at(cls, url: str, user: str, password: str = "x", *, slot: int | None = None) -> AxeosPool:
        """The pool at `stratum+tcp://host:port`. Raises LocalProtocolError for a url without host or port."""
        scheme, host, port = split_url(url)
        if not host or port is None:
            raise LocalProtocolError("a pool is written stratum+tcp://host:port")
        if scheme not in (None, *SCHEMES):
            raise LocalProtocolError(f"no pool is reached by {scheme}")
        secure = scheme in ("stratum+ssl", "stratum+tls", "ssl")
        return cls(host, port, user, password, tls=1 if secure else None, slot=slot)


def split_url(url: str) -> tuple[str | None, str, int | None]:
    """Scheme, host and port of a pool's address, in whatever of the forms in use it is written."""
    scheme, mark, rest = url.rpartition("://")
    rest = rest.rpartition("@")[2].split("/", 1)[0]
    host, colon, port = rest.rpartition(":")
    known = colon and port.isascii() and port.isdigit() and 0 < len(port) <= 5 and int(port) <= 65535
    return scheme.lower() if mark else None, host if known else rest, int(port) if known else None


def read_pool(fields: Fields, prefix: str = "", *, masked: bool = True) -> AxeosPool | None:
    """The pool whose members start with `prefix`, taken out of `fields`; None where it names no url.

    `masked` says whether five stars stand for a password, as they do in replies and in pool lists.
    """
    url = fields.text(_key(prefix, "stratumURL"))
    if url is None:
        return None
    password = None
    if (told := fields.text(_key(prefix, "stratumPassword"))) is not None:
        password = None if masked and told == MASK else told
    return AxeosPool(
        url=url,
        port=fields.integer(_key(prefix, "stratumPort")),
        user=fields.text(_key(prefix, "stratumUser")),
        password=password,
        suggested_difficulty=fields.number(_key(prefix, "stratumSuggestedDifficulty")),
        extranonce_subscribe=fields.flag(_key(prefix, "stratumExtranonceSubscribe")),
        tls=fields.integer(_key(prefix, "stratumTLS")),
        certificate=fields.text(_key(prefix, "stratumCert")),
        decode_coinbase=fields.flag(_key(prefix, "stratumDecodeCoinbase")),
        protocol=fields.text(_key(prefix, "stratumProtocol")),
    )


def read_listed_pool(value: JsonValue, where: str) -> AxeosPool:
    """One element of a pool list; what is not understood is kept, since writing it back needs it.

    Raises RemoteProtocolError for one without an URL or a place in the list.
    """
    fields = Fields(as_object(value, where), where)
    slot = fields.integer("id")
    pool = read_pool(fields)
    if pool is None or slot is None or not 0 <= slot < SLOTS:
        raise RemoteProtocolError(f"{where}: a pool without an url, or without a place from 0 to {SLOTS - 1}")
    return replace(pool, slot=slot, extra=fields.rest)


def pool_members(pool: AxeosPool, prefix: str = "") -> JsonObject:
    """What a reply says of the pool, under names that start with `prefix`; without a password."""
    members: JsonObject = {
        "stratumURL": pool.url,
        "stratumPort": pool.port,
        "stratumUser": pool.user,
        "stratumSuggestedDifficulty": pool.suggested_difficulty,
        "stratumExtranonceSubscribe": pool.extranonce_subscribe,
        "stratumTLS": pool.tls,
        "stratumCert": pool.certificate,
        "stratumDecodeCoinbase": pool.decode_coinbase,
        "stratumProtocol": pool.protocol,
    }
    return {_key(prefix, key): value for key, value in members.items() if value is not None}


def listed_pool_members(pool: AxeosPool) -> JsonObject:
    """The pool as an element of a list, its password masked."""
    members = pool_members(pool) | dict(pool.extra)
    return {"id": pool.slot} | members | {"stratumPassword": MASK}


def written_pool_members(pool: AxeosPool, prefix: str, listed: bool) -> JsonObject:
    """The pool as a request writes it. Raises LocalProtocolError for what the device would not take.

    In a list every member is written, since those left out are reset, and a password that is to stay is the
    mask; elsewhere a password that is to stay is left out.
    """
    if pool.host != pool.url or not 0 < len(pool.url) <= MAX_TEXT:
        raise LocalProtocolError("a device takes a bare host name; AxeosPool.at makes one of an address")
    if pool.port is None or not 1 <= pool.port <= 65535 or not pool.user or len(pool.user) > MAX_TEXT:
        raise LocalProtocolError(f"a pool has a port and a user of 1 to {MAX_TEXT} characters")
    if pool.password is not None and len(pool.password) > MAX_TEXT:
        raise LocalProtocolError(f"a password has at most {MAX_TEXT} characters")
    if pool.password == MASK:
        raise LocalProtocolError(
            "five stars stand for a password and are none; None keeps the one that is set"
        )
    members = pool_members(pool, prefix)
    if listed:
        return (
            members | dict(pool.extra) | {"stratumPassword": MASK if pool.password is None else pool.password}
        )
    return members if pool.password is None else members | {_key(prefix, "stratumPassword"): pool.password}


def _key(prefix: str, key: str) -> str:
    return prefix + key[0].upper() + key[1:] if prefix else key

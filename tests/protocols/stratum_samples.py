"""Messages, jobs and splits that the Stratum tests share."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import strategies as st

from firmware_protocols.stratum_v1 import (
    Authorize,
    Configure,
    ExtranonceSubscribe,
    GetTransactions,
    GetVersion,
    Message,
    MultiVersion,
    Notify,
    Ping,
    Pong,
    Reconnect,
    Reply,
    SetDifficulty,
    SetExtranonce,
    SetVersionMask,
    ShowMessage,
    StratumError,
    Submit,
    Subscribe,
    SuggestDifficulty,
    SuggestTarget,
    UnknownMethod,
)

EASY = 2.0**-40
"""A difficulty that every hash has."""

u32 = st.integers(0, 0xFFFFFFFF)
hash32 = st.binary(min_size=32, max_size=32)
short_text = st.text(max_size=40)
names = st.text(min_size=1, max_size=40)
ids = st.none() | st.integers(-(2**63), 2**63) | st.text(max_size=20)
difficulties = st.floats(1e-12, 1e18) | st.integers(1, 2**60)
cuts = st.lists(st.integers(0, 1 << 16), max_size=24)
parts = st.binary(max_size=120)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(-1e6, 1e6) | short_text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(short_text, inner, max_size=3),
    max_leaves=6,
)

notifies = st.builds(
    Notify,
    names,
    hash32,
    parts,
    parts,
    st.lists(hash32, max_size=32).map(tuple),
    u32,
    u32,
    u32,
    st.booleans(),
    st.none() | hash32,
    ids,
)
from_clients: st.SearchStrategy[Message] = st.one_of(
    st.builds(
        Configure,
        st.lists(
            st.text(st.characters(codec="ascii", min_codepoint=32, max_codepoint=126), max_size=64),
            max_size=32,
        ).map(tuple),
        st.fixed_dictionaries(
            {},
            optional={
                "version-rolling.mask": u32.map(lambda mask: f"{mask:08x}"),
                "version-rolling.min-bit-count": st.integers(0, 32),
                "minimum-difficulty.value": st.integers(0, 4096),
            },
        ),
        ids,
    ),
    st.builds(
        Subscribe,
        st.none() | short_text,
        st.none() | short_text,
        st.none() | short_text,
        st.none() | st.integers(1, 65535),
        ids,
    ),
    st.builds(Authorize, short_text, short_text, ids),
    st.builds(
        Submit,
        short_text,
        short_text,
        st.binary(max_size=32).map(bytes.hex),
        u32,
        u32,
        st.none() | u32,
        ids,
    ),
    st.builds(SuggestDifficulty, difficulties, ids),
    st.builds(SuggestTarget, st.integers(0, 2**256 - 1), ids),
    st.builds(ExtranonceSubscribe, ids),
    st.builds(GetTransactions, short_text, ids),
    st.builds(MultiVersion, st.integers(0, 4), ids),
    st.builds(Pong, ids),
)
from_servers: st.SearchStrategy[Message] = st.one_of(
    notifies,
    st.builds(SetDifficulty, difficulties, ids),
    st.builds(SetExtranonce, st.binary(max_size=64), st.integers(0, 32), ids),
    st.builds(SetVersionMask, u32, ids),
    st.builds(Reconnect, id=ids),
    st.builds(Reconnect, names, st.integers(1, 65535), st.none() | st.integers(0, 600), ids),
    st.builds(ShowMessage, short_text, ids),
    st.builds(GetVersion, ids),
    st.builds(Ping, ids),
)
unknown: st.SearchStrategy[Message] = st.builds(
    UnknownMethod, short_text.map(lambda name: f"mining.no_{name}"), json_values, ids
)
replies: st.SearchStrategy[Message] = st.builds(
    Reply, ids, json_values, st.none() | st.builds(StratumError, st.integers(1, 99), short_text, json_values)
)


def cut(data: bytes, points: Sequence[int]) -> list[bytes]:
    edges = [0, *sorted(point % (len(data) + 1) for point in points), len(data)]
    return [data[a:b] for a, b in pairwise(edges)]


def a_job(
    job_id: str = "1", *, clean: bool = True, ntime: int = 1_700_000_000, version: int = 0x20000000
) -> Notify:
    return Notify(
        job_id,
        prev_hash=bytes(range(24)) + bytes(8),
        coinbase1=b"\1" * 43,
        coinbase2=b"\2" * 50,
        branch=(b"\3" * 32, b"\4" * 32),
        version=version,
        nbits=0x1703255B,
        ntime=ntime,
        clean_jobs=clean,
    )

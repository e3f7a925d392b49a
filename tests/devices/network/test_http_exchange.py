"""HTTP with one miner: bounded in time and size, without proxies, and silent about what stands in a query."""

from __future__ import annotations

import logging
import socket
import threading
import time

import httpx
import pytest

from asicrc.transports.http_exchange import MAX_BODY, HttpExchange
from firmware_protocols.device import DeviceLost
from firmware_protocols.http_messages import HttpRequest

GET = HttpRequest("GET", "/api/system/info")
ONCE = HttpRequest("GET", "/api/system/info", once=True)


@pytest.mark.parametrize(
    "begin",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Header: ",
        b"HTTP/1.1 ",
    ],
)
def test_a_reply_that_does_not_end_in_time_is_given_up(begin: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        done = threading.Event()

        def drip() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(begin)
                while not done.wait(0.05):
                    try:
                        connection.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        at_last = threading.Timer(50.0, done.set)
        at_last.start()
        exchange = HttpExchange("127.0.0.1", listener.getsockname()[1])
        began_s = time.monotonic()
        with pytest.raises(DeviceLost, match="no whole reply came in time"):
            exchange.ask(ONCE, within_s=0.4)
        assert time.monotonic() - began_s < 40
        at_last.cancel()
        done.set()
        exchange.close()
        thread.join()


def test_a_connection_that_was_cut_off_is_followed_by_a_new_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("asicrc.transports.http_exchange.AGAIN_WITHIN_S", 30.0)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            kept = []
            for reply in (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"HTTP/1.1 ", None, None):
                if reply is None or not kept:
                    kept.append(listener.accept()[0])
                kept[-1].recv(4096)
                kept[-1].sendall(reply or b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
            for connection in kept:
                connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        exchange = HttpExchange("127.0.0.1", listener.getsockname()[1])
        assert exchange.ask(GET).status == 200
        assert exchange.ask(GET, within_s=0.3).status == 200
        exchange.close()
        with socket.create_connection(listener.getsockname()) as last:
            last.sendall(b"end")
            thread.join()


def test_a_reply_of_any_length_is_cut_off() -> None:
    def endless() -> httpx.SyncByteStream:
        class Stream(httpx.SyncByteStream):
            def __iter__(self):  # type: ignore[no-untyped-def]
                while True:
                    yield b"x" * 65536

        return Stream()

    exchange = HttpExchange("miner", 80, httpx.MockTransport(lambda _: httpx.Response(200, stream=endless())))
    with pytest.raises(DeviceLost, match=f"more than {MAX_BODY} bytes"):
        exchange.ask(GET)


def test_a_compressed_reply_is_not_unpacked() -> None:
    transport = httpx.MockTransport(
        lambda _: httpx.Response(200, headers={"Content-Encoding": "gzip"}, stream=httpx.ByteStream(b"bomb"))
    )
    with pytest.raises(DeviceLost, match="compressed"):
        HttpExchange("miner", 80, transport).ask(GET)


def test_a_connection_that_was_closed_meanwhile_is_opened_anew_but_no_post_is_said_twice() -> None:
    calls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request.method)
        if len(calls) == 1:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")
        return httpx.Response(200, json={})

    exchange = HttpExchange("miner", 80, httpx.MockTransport(answer))
    assert exchange.ask(GET).status == 200
    assert calls == ["GET", "GET"]
    for request in (HttpRequest("POST", "/api/system/restart"), ONCE):
        calls.clear()
        with pytest.raises(DeviceLost):
            exchange.ask(request)
        assert calls == [request.method]


@pytest.mark.parametrize("method", ["GET", "PATCH", "POST"])
@pytest.mark.parametrize("first", [503, httpx.ConnectError("refused"), httpx.ConnectTimeout("nobody")])
def test_what_is_lost_or_answered_in_trouble_is_said_again_where_somebody_is_there(
    method: str, first: int | Exception
) -> None:
    replies: list[int | Exception] = [first, 200]

    def answer(_: httpx.Request) -> httpx.Response:
        reply = replies.pop(0)
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply)

    exchange = HttpExchange("miner", 80, httpx.MockTransport(answer))
    if method != "POST" and not isinstance(first, httpx.ConnectTimeout):
        assert exchange.ask(HttpRequest(method, "/api/system")).status == 200
        assert not replies
        return
    if first == 503:
        assert exchange.ask(HttpRequest(method, "/api/system")).status == 503
    else:
        with pytest.raises(DeviceLost):
            exchange.ask(HttpRequest(method, "/api/system"))
    assert replies == [200]


def test_no_proxy_no_redirection_and_no_secret_in_a_message(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    moved = httpx.Response(302, headers={"Location": "http://evil.example/"})
    exchange = HttpExchange("miner", 80, httpx.MockTransport(lambda _: moved))
    login = HttpRequest("GET", "/user/login", (("username", "admin"), ("password", "hunter2")))
    assert exchange.ask(login).status == 302
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(DeviceLost) as caught:
        HttpExchange("127.0.0.1", port).ask(login)
    assert "/user/login" in str(caught.value)
    assert "hunter2" not in str(caught.value) + caplog.text

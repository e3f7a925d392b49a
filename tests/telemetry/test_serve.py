"""The live page over HTTP: who is answered, what is said of a file whatever becomes of it, who waits."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from live_pages import Stream, get, grow, page_of, snapshot, started

from asicrc.capture import CaptureWriter
from asicrc.cli.main import _run
from asicrc.telemetry.capture_view import CaptureView
from asicrc.telemetry.serve import running, server
from asicrc.telemetry.serve.server import LiveServer, page_files
from asicrc.telemetry.standing_words import line_of

JUNK = (
    b"\x16\x03\x01\x02\x00\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET http://x/ HTTP/1.1\r\n\r\n",
    b"GET /" + b"a" * 70_000,
    b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 200,
)


@pytest.fixture(autouse=True)
def _prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "LOOK_EVERY_S", 0.05)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.asicrc"


@pytest.fixture
def page(path: Path) -> Iterator[LiveServer]:
    with started(path), page_of(path) as served:
        yield served


def test_the_page_loads_nothing_from_elsewhere(page: LiveServer) -> None:
    for name in page_files():
        answer, content = get(page, name)
        assert answer.status == 200 and content
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert "unsafe" not in policy and "*" not in policy and "frame-ancestors 'none'" in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"
        text = content.decode()
        assert not re.search(
            r"(https?:)?//(?!www\.w3\.org/2000/svg)[a-z]", re.sub(r"^\s*//.*$", "", text, flags=re.M)
        )
        assert "innerHTML" not in text and "insertAdjacent" not in text and "<script>" not in text
        assert " on" + "click=" not in text and "style=" not in text
    assert get(page, "/nowhere")[0].status == 404
    assert get(page, "/../live.js")[0].status == 404
    assert get(page, "/live.js?v=1")[0].status == 200


@pytest.mark.parametrize(
    ("headers", "name", "status"),
    [
        ({}, "/", 200),
        ({"Host": "localhost:{port}", "Origin": "http://localhost:{port}"}, "/", 200),
        ({"Host": "127.0.0.1"}, "/", 403),
        ({"Host": "127.0.0.1:1"}, "/", 403),
        ({"Host": "evil.example:{port}"}, "/", 403),
        ({"Host": "evil.example:{port}"}, "/snapshot.json", 403),
        ({"Host": "127.0.0.1:{port}.evil.example"}, "/events", 403),
        ({"Host": ""}, "/", 403),
        ({"Origin": "http://evil.example"}, "/events", 403),
        ({"Origin": "http://127.0.0.1:1"}, "/snapshot.json", 403),
        ({"Origin": "null"}, "/snapshot.json", 403),
        ({"Sec-Fetch-Site": "cross-site"}, "/events", 403),
        ({"Sec-Fetch-Site": "same-site"}, "/live.js", 403),
        ({"Sec-Fetch-Site": "cross-site"}, "/", 200),
        ({"Sec-Fetch-Site": "same-origin"}, "/snapshot.json", 200),
    ],
)
def test_only_its_own_page_is_answered(
    page: LiveServer, headers: dict[str, str], name: str, status: int
) -> None:
    given = {key: value.replace("{port}", str(page.port)) for key, value in headers.items()}
    answer, content = get(page, name, **given)
    assert answer.status == status
    assert status == 200 or (b"asicrc" not in content and b"a.asicrc" not in content)
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_only_get_is_answered_and_only_here(page: LiveServer) -> None:
    for method in ("POST", "PUT", "DELETE", "HEAD", "OPTIONS", "TRACE", "BREW"):
        answer, _ = get(page, "/", method)
        assert (answer.status, answer.headers["Allow"]) == (405, "GET"), method
        assert "Content-Security-Policy" in answer.headers
    assert page.server_address[0] == "127.0.0.1"
    for junk in JUNK:
        with socket.create_connection(("127.0.0.1", page.port), timeout=40) as connection:
            said = b""
            with suppress(ConnectionError):  # what comes after it has heard enough is left unread
                connection.sendall(junk)
                connection.shutdown(socket.SHUT_WR)
                while heard := connection.recv(4096):
                    said += heard
        assert b" 200 " not in said and b"Traceback" not in said
    assert get(page)[0].status == 200


def test_a_growing_file_is_followed(path: Path) -> None:
    with started(path) as writer, page_of(path) as served, closing(Stream(served)) as stream:
        assert "200 OK" in (head := stream.head()) and "text/event-stream" in head
        first = stream.next()
        while first["series"] is None:
            first = stream.next()
        grow(writer, 300)
        later = stream.next()
        while later["numbers"]["stored"] < 600:
            later = stream.next()
        while later["series"]["span_s"] < 50:
            later = stream.next()
        words = CaptureView(path).look()
        assert (
            later["words"]["summary"].partition("last commit")[0]
            == line_of(words).strip().partition("last commit")[0]
        )
        writer.seal("duration reached")
        while later["state"] != "sealed":
            later = stream.next()
    assert first["state"] == "running" and first["numbers"]["events"] == 300
    assert later["words"]["state"] == "ended: duration reached"
    assert "stored 600 rows" in later["words"]["counted"] and "12 low" in later["words"]["counted"]
    series = later["series"]
    columns = series["rate_per_s"]["estimate"]
    assert len(columns) == len(series["cv"]["low"]) == len(series["readings"]["power_w"]["n"])
    assert series["rate_per_s"]["n"] and sum(n or 0 for n in series["rate_per_s"]["n"]) == 588
    assert max(series["readings"]["temperature_c"]["high"], key=lambda v: v or 0) == 54
    assert sum(later["histogram"]["count"]) == later["histogram"]["n"] == 587
    assert later["numbers"]["settings"] == [
        {"name": "frequency_mhz", "requested": 400.0, "read_back": 399.8, "kind": "set"}
    ]


def test_one_that_has_ended_is_shown_as_it_ended_also_from_read_only_media(path: Path) -> None:
    with started(path) as writer:
        writer.add_log("it is over")
        writer.seal("asked to")
    path.chmod(0o400)
    path.parent.chmod(0o500)
    try:
        with page_of(path) as served:
            found = snapshot(served)
    finally:
        path.parent.chmod(0o700)
    assert (found["state"], found["words"]["state"]) == ("sealed", "ended: asked to")
    assert found["numbers"]["log"] == ["info: it is over"]


def test_what_becomes_of_a_file_is_said(path: Path, tmp_path: Path) -> None:
    with page_of(path) as served, closing(Stream(served)) as stream:
        assert "there is no file" in stream.next()["problem"]["message"]
        path.write_text("no capture, <script>alert(1)</script>")
        while "is not a capture" not in (problem := stream.next()["problem"])["message"]:
            pass
        assert problem["try"]
        path.unlink()
        with started(path) as writer:
            while stream.next()["problem"]:
                pass
            writer.seal("done")
        _other(tmp_path / "b").replace(path)
        found = stream.next()
        while found["problem"] or found["numbers"]["stored"] != 100:
            found = stream.next()
        assert "replaced" in found["remark"]
        path.unlink()
        while not (found := stream.next())["problem"]:
            pass
        assert "there is no file" in found["problem"]["message"]
        path.mkdir()
        while "there is no capture in" not in stream.next()["problem"]["message"]:
            pass


def test_of_a_folder_the_newest_that_is_one(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    with page_of(folder) as served, closing(Stream(served)) as stream:
        assert "there is no capture" in stream.next()["problem"]["message"]
        with started(folder / "one.asicrc") as writer:
            while (found := stream.next())["problem"]:
                pass
            assert (found["name"], found["remark"][:16]) == ("one.asicrc", "the only capture")
            (folder / "bad.asicrc").write_text("no capture")
            second = started(folder / "two.asicrc")
            for _ in range(3):
                assert stream.next()["name"] == "one.asicrc", "as long as it is being written"
            writer.seal("done")
        grow(second, 10)
        found = stream.next()
        while found["name"] != "two.asicrc":
            found = stream.next()
        second.close()
        os.utime(folder / "bad.asicrc", (time.time() + 60,) * 2)
        (folder / "two.asicrc").unlink()
        while (found := stream.next())["name"] != "one.asicrc":
            pass
        assert (
            found["remark"].startswith("the newest of 2") and "bad.asicrc is not a capture" in found["remark"]
        )


def test_strings_of_a_device_stay_strings(path: Path) -> None:
    nasty = "</script><img src=x onerror=alert(1)>\u2028\n\ndata: {}\n\x1b[2J\u202egpj"
    with started(path, {"device_url": nasty}) as writer:
        writer.add_log(nasty)
        writer.add_log("x" * 100_000)
        writer.commit()
        with page_of(path) as served, closing(Stream(served)) as stream:
            stream.head()
            assert stream.line().startswith(b"retry")
            assert stream.line() == b"\n"
            line, empty = stream.line(), stream.line()
    assert line.startswith(b"data: {") and line.isascii() and empty == b"\n"
    found = json.loads(line[6:])
    assert found["device"].startswith("</script><img") and "\\x1b[2J" in found["device"]
    assert not {"\x1b", "\u202e", "\u2028"} & set(found["device"])
    assert len(found["numbers"]["log"][-1]) < 3000 and "(100006 characters)" in found["numbers"]["log"][-1]


def test_who_is_stuck_holds_nobody_up(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "TAKE_WITHIN_S", 0.3)
    monkeypatch.setattr(server, "SEND_BUFFER_BYTES", 4096)
    with started(path) as writer, page_of(path) as served:
        stuck = [Stream(served, receive_bytes=2048) for _ in range(server.MOST_WATCHERS // 2)]
        with closing(Stream(served)) as stream:
            begun = time.monotonic()
            for step in range(20):
                grow(writer, 1)
                while stream.next()["numbers"]["stored"] < 301 + step:
                    pass
            assert time.monotonic() - begun < 30
            assert snapshot(served)["numbers"]["stored"] == 320
            deadline = time.monotonic() + 40
            while served.hub.watchers > 1 and time.monotonic() < deadline:
                grow(writer, 1)
                time.sleep(0.02)
            assert served.hub.watchers == 1, "those who take nothing are let go"
        for one in stuck:
            one.close()


def test_no_more_watch_than_may_and_a_place_is_free_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where nothing changes any more, so that nothing is sent to those who have left."""
    monkeypatch.setattr(server, "LOOK_ROUND_S", 0.1)
    with started(path) as writer:
        writer.seal("done")
    with page_of(path) as page:
        streams = [Stream(page) for _ in range(server.MOST_WATCHERS)]
        for stream in streams:
            stream.next()
        for name in ("/events", "/snapshot.json"):
            answer, content = get(page, name)
            assert answer.status == 503 and b"close one" in content
        assert get(page)[0].status == 200, "the page itself still comes, to say so"
        for stream in streams:
            stream.close()
        deadline = time.monotonic() + 30
        while get(page, "/snapshot.json")[0].status != 200:
            assert time.monotonic() < deadline


def test_connections_that_ask_nothing_are_cut_off(page: LiveServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ASK_WITHIN_S", 0.2)
    idle = [
        socket.create_connection(("127.0.0.1", page.port), timeout=40)
        for _ in range(server.MOST_CONNECTIONS + 10)
    ]
    for connection in idle:
        try:
            assert connection.recv(100) == b""
        except ConnectionResetError:
            continue  # beyond what is taken at all
        finally:
            connection.close()
    monkeypatch.undo()
    assert get(page)[0].status == 200


def test_nobody_watches_nobody_looks(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[int] = []
    look = CaptureView.look
    monkeypatch.setattr(CaptureView, "look", lambda view: (looks.append(1), look(view))[1])
    with started(path), page_of(path) as served:
        time.sleep(0.2)
        assert not looks
        snapshot(served)
        assert looks


def test_a_port_that_is_taken_is_told(
    capsys: pytest.CaptureFixture[str], page: LiveServer, path: Path
) -> None:
    assert _run(["serve", str(path), "--port", str(page.port), "--json"]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert str(page.port) in error["message"] and "--port 0" in error["hint"]
    assert _run(["serve", str(path / "no" / "where")]) == 2
    assert _run(["serve", str(path), "--port", "70000"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_what_is_wrong_so_far_is_said_in_the_terminal_too(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(served: LiveServer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(LiveServer, "serve_forever", interrupted)
    for content, said in ((None, "there is no file"), ("x" * 2000, "is not a capture")):
        if content is not None:
            path.write_text(content)
        assert _run(["serve", str(path), "--port", "0"]) == 130
        shown = capsys.readouterr()
        assert said in shown.err and "http://127.0.0.1:" in shown.out
    assert _run(["serve", str(path.parent), "--port", "0", "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["path"] == str(path.parent)


def test_ctrl_c_ends_it_and_says_so_on_the_page(path: Path) -> None:
    with started(path):
        process = subprocess.Popen(
            [sys.executable, "-m", "asicrc.cli.main", "serve", str(path), "--port", "0", "--json"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )  # fmt: skip
        assert process.stdout is not None
        told = json.loads(process.stdout.readline())
        assert told["path"] == str(path)
        port = int(told["url"].rsplit(":", 1)[1].strip("/"))
        with socket.create_connection(("127.0.0.1", port), timeout=40) as connection:
            connection.sendall(f"GET /events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
            said = b""
            while b"data: {" not in said:
                said += connection.recv(65536)
            process.send_signal(signal.SIGINT)
            said = b"".join(iter(lambda: connection.recv(65536), b""))
        _, err = process.communicate(timeout=60)
    assert b"event: ended" in said
    assert process.returncode == 130 and "Traceback" not in err


def _other(path: Path) -> Path:
    with CaptureWriter.create(path, {"device_url": "sim:y"}) as writer:
        grow(writer, 100)
        writer.seal("done")
    return path

"""Transfers against a real server on this machine that drops, lies and misbehaves on demand."""

import email.utils
import hashlib
import re
import socket
import time

import pytest
from file_server import BODY, FileServer

from stages.runtime.errors import InputError
from stages.sources.transfers import Patience, TransferError, transfer

HASH = f"sha256:{hashlib.sha256(BODY).hexdigest()}"
IMPATIENT = Patience(tries=2, first_pause_s=0.0, stall_s=0.5)
PATIENT = Patience(tries=3, first_pause_s=0.0, stall_s=0.5)


@pytest.fixture
def server():
    with FileServer().running() as server:
        yield server


@pytest.fixture
def target(tmp_path):
    return tmp_path / "kept" / "0123-archive.tgz"


@pytest.fixture
def partial(target):
    """Where what has arrived is kept."""
    target.parent.mkdir()
    return target.with_name(f"{target.name}.partial")


def get(target, *urls, patience=IMPATIENT):
    transfer(urls, target, size=len(BODY), hash=HASH, patience=patience)
    return target.read_bytes() == BODY


def test_a_file_is_downloaded_once(target, server):
    url = server.offer("/a")
    assert get(target, url)
    assert get(target, url)
    assert server.behaviours["/a"].asked == [None]


def test_a_spoilt_kept_file_is_downloaded_again(target, server):
    url = server.offer("/a")
    get(target, url)
    target.write_bytes(b"x" * len(BODY))
    assert get(target, url)


@pytest.mark.parametrize("headers", [{}, {"Content-Length": None}])
def test_a_dropped_connection_is_resumed_where_it_stopped(target, server, headers):
    assert get(target, server.offer("/a", drops_after=[200_000], headers=headers))
    assert server.behaviours["/a"].asked == [None, "bytes=200000-"]


def test_a_server_that_falls_silent_is_asked_for_the_rest(target, server):
    start = time.monotonic()
    assert get(target, server.offer("/a", is_stalling=True))
    assert time.monotonic() - start < 10
    assert server.behaviours["/a"].asked == [None, "bytes=256000-"]  # all that came before is kept


def test_a_slow_server_is_waited_for_as_long_as_something_comes(target, server):
    start = time.monotonic()
    assert get(target, server.offer("/a", pause_s=0.08), patience=Patience(tries=1, stall_s=1.0))
    assert time.monotonic() - start > 1.5
    assert server.behaviours["/a"].asked == [None]


def test_a_file_in_many_small_parts_is_resumed_as_long_as_it_gets_further(target, server):
    assert get(target, server.offer("/a", drops_after=[30_000] * 20))
    assert len(server.behaviours["/a"].asked) == 18


def test_a_server_that_ignores_ranges_sends_the_whole_again(target, server):
    assert get(target, server.offer("/a", drops_after=[200_000], knows_ranges=False))


def test_a_server_that_restarts_and_drops_again_and_again_is_given_up(target, server):
    url = server.offer("/a", drops_after=[200_000, 100_000] * 10, knows_ranges=False)
    with pytest.raises(TransferError, match="the connection ended after 200000 of 512000 bytes"):
        get(target, url, patience=PATIENT)
    assert len(server.behaviours["/a"].asked) == 3


def test_a_server_that_drops_and_sends_wrong_bytes_is_given_up(target, server):
    with pytest.raises(TransferError):
        get(target, server.offer("/a", body=BODY[::-1], drops_after=[300_000] * 20), patience=PATIENT)
    assert len(server.behaviours["/a"].asked) == 3


@pytest.mark.parametrize("content", [b"x" * 1000, BODY + b"x", b"x" * len(BODY)])
def test_a_partial_file_of_other_bytes_does_no_harm(target, partial, server, content):
    partial.write_bytes(content)
    assert get(target, server.offer("/a"))
    assert not partial.exists()


def test_a_partial_file_that_is_whole_is_not_asked_for(target, partial, server):
    partial.write_bytes(BODY)
    assert get(target, server.offer("/a"))
    assert server.behaviours["/a"].asked == []


def test_a_server_that_finds_no_such_range_is_asked_for_the_whole(target, partial, server):
    partial.write_bytes(b"x" * 1000)
    assert get(target, server.offer("/a", statuses=[416], knows_ranges=False))
    assert server.behaviours["/a"].asked == ["bytes=1000-", None]


def test_a_redirect_is_followed(target, server):
    location = server.offer("/target")
    assert get(target, server.offer("/a", status=302, body=b"", headers={"Location": location}))


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("/a", "Exceeded 30 redirects"),
        ("file:///etc/passwd", "No connection adapters"),
        ("http://[", "Invalid"),
    ],
)
def test_a_redirect_in_a_circle_or_to_nowhere_is_an_error_that_says_so(target, server, location, problem):
    url = server.offer("/a", status=302, body=b"", headers={"Location": location})
    with pytest.raises(TransferError, match=rf"^{url} \(.*{problem}"):
        get(target, url)


def test_bytes_labelled_as_compressed_in_transit_stay_as_they_are(target, server):
    assert get(target, server.offer("/a", headers={"Content-Encoding": "x-gzip"}))


@pytest.mark.parametrize("behaviour", [{"status": 404}, {"body": BODY[::-1]}, {"body": b"<html>" + BODY}])
def test_the_next_url_is_tried_when_one_does_not_have_the_file(target, server, behaviour):
    first = server.offer("/wrong", **behaviour, headers={"Content-Length": None})
    assert get(target, first, server.offer("/a"))


@pytest.mark.parametrize("status", [429, 503])
def test_an_overloaded_server_is_asked_again(target, server, status):
    url = server.offer("/a", status=status)
    with pytest.raises(TransferError, match=f"the server answers {status} [A-Z]"):
        get(target, url)
    assert len(server.behaviours["/a"].asked) == IMPATIENT.tries
    assert get(target, server.offer("/b", statuses=[status]))


@pytest.mark.parametrize("unit", ["seconds", "date"])
def test_a_server_that_asks_for_a_pause_is_given_it_up_to_the_longest(target, server, unit):
    wait = {"seconds": "3600", "date": email.utils.formatdate(time.time() + 3600, usegmt=True)}[unit]
    patience = Patience(tries=2, first_pause_s=0.0, longest_pause_s=0.4, stall_s=5.0)
    start = time.monotonic()
    assert get(target, server.offer("/a", statuses=[503], headers={"Retry-After": wait}), patience=patience)
    assert 0.4 <= time.monotonic() - start < 3


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        ({"status": 404}, "the server answers 404 Not Found"),
        ({"status": 599}, r"the server answers 599\)"),
        ({"body": BODY[::-1]}, "the bytes received hash to"),
        ({"body": BODY + b"x"}, "the server has 512001 bytes, expected 512000"),
        ({"body": BODY[1:]}, "the server has 511999 bytes, expected 512000"),
        (
            {"body": BODY + b"x" * 9, "headers": {"Content-Length": None}},
            "sends more than the expected 512000",
        ),
        ({"headers": {"Content-Type": "text/html; charset=utf-8"}}, "sent a web page, not the file"),
    ],
)
def test_what_is_not_the_file_is_refused_at_the_first_try_and_named(target, server, behaviour, problem):
    with pytest.raises(TransferError, match=problem):
        get(target, server.offer("/a", **behaviour))
    assert len(server.behaviours["/a"].asked) == 1
    assert not target.exists()


def test_without_network_the_error_is_the_innermost_cause(target):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(TransferError) as caught:
        get(target, f"http://127.0.0.1:{port}/a")
    assert re.fullmatch(rf"http://127\.0\.0\.1:{port}/a \(.*Connection refused\)", str(caught.value))


@pytest.mark.parametrize(
    "proxy", ["http://user:secret@127.0.0.1:9", "http://user:secret@[", "user:sec@ret@:x"]
)
def test_no_credentials_of_url_or_proxy_are_reported(target, server, monkeypatch, proxy):
    with pytest.raises(TransferError, match="404") as of_url:
        get(target, server.offer("/a", status=404).replace("//", "//user:secret@"))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(TransferError) as of_proxy:
        get(target, "http://example.invalid/a")
    for caught in (of_url, of_proxy):
        assert "sec" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_progress_is_a_line_per_tenth_where_there_is_no_terminal(target, server, capsys):
    get(target, server.offer("/a"))
    lines = capsys.readouterr().err.splitlines()
    assert 5 <= len(lines) <= 10
    assert lines[-1] == "archive.tgz: 0.5 of 0.5 MB"


def test_a_file_in_place_of_the_folder_of_downloads_is_an_error(tmp_path, target, server):
    (tmp_path / "kept").write_text("")
    with pytest.raises(InputError, match="kept is a file, expected the folder of downloads; move it"):
        get(target, server.offer("/a"))

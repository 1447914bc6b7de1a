"""Downloads against a real server on this machine that drops, lies and misbehaves on demand."""

import contextlib
import email.utils
import hashlib
import http.server
import json
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stages import download
from stages.datasets.downloads import SourceFile, fetch, mistakes, source_files
from stages.datasets.generated import write_checksums
from stages.datasets.transfers import Patience
from stages.errors import InputError

BODY = bytes(range(256)) * 2000  # 512,000 bytes
IMPATIENT = Patience(tries=2, first_pause_s=0.0, stall_s=0.5)


@dataclass
class Behaviour:
    """What the server does at one path, and which ranges it was asked for."""

    body: bytes = BODY
    status: int = 200
    statuses: list = field(default_factory=list)  # of the first requests, before `status`
    headers: dict = field(default_factory=dict)
    drops_after: list = field(default_factory=list)  # bytes, of the first requests
    is_stalling: bool = False  # after half of it, at the first request only
    pause_s: float = 0.0  # before each twentieth of the body
    knows_ranges: bool = True
    content_range: str | None = None  # instead of the true one
    is_chunked: bool = False
    asked: list = field(default_factory=list)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        behaviour = self.server.behaviours.get(self.path, Behaviour(status=404, body=b"nothing here"))
        wanted = self.headers.get("Range")
        behaviour.asked.append(wanted)
        offset = int(wanted[6:-1]) if wanted and behaviour.knows_ranges else 0
        body, size = behaviour.body[offset:], len(behaviour.body)
        status = behaviour.statuses.pop(0) if behaviour.statuses else behaviour.status
        headers = {"Content-Length": str(len(body))}
        if offset:
            headers["Content-Range"] = behaviour.content_range or f"bytes {offset}-{size - 1}/{size}"
        if behaviour.is_chunked:
            self.protocol_version = "HTTP/1.1"
            headers |= {"Content-Length": None, "Transfer-Encoding": "chunked", "Connection": "close"}
        self.send_response(206 if offset else status)
        for name, value in (headers | behaviour.headers).items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        self.send(behaviour, body, is_first=len(behaviour.asked) == 1)

    def send(self, behaviour, body, *, is_first):
        is_dropping = bool(behaviour.drops_after)
        body = body[: behaviour.drops_after.pop(0)] if is_dropping else body
        if is_first and behaviour.is_stalling:
            self.wfile.write(body[: len(body) // 2])
            self.server.released.wait(20)
            return
        step = max(1, len(body) // 20) if behaviour.pause_s or behaviour.is_chunked else len(body)
        for start in range(0, len(body), step or 1):
            self.server.released.wait(behaviour.pause_s)
            piece = body[start : start + step]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if behaviour.is_chunked else piece)
        if behaviour.is_chunked and not is_dropping:
            self.wfile.write(b"0\r\n\r\n")

    def handle(self):
        with contextlib.suppress(ConnectionError):  # of a killed process
            super().handle()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.behaviours, server.released = {}, threading.Event()
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.released.set()
        server.shutdown()


@pytest.fixture
def offer(server):
    """Makes the server answer at a path; returns its URL."""

    def offer(path, **behaviour):
        server.behaviours[path] = Behaviour(**behaviour)
        return f"http://127.0.0.1:{server.server_port}{path}"

    return offer


def source_file(*urls, name="archive.tgz", body=BODY, algorithm="sha256", instead=None):
    return SourceFile(
        name, len(body), f"{algorithm}:{hashlib.new(algorithm, body).hexdigest()}", urls, instead
    )


def partial(tmp_path, file):
    """Where what has arrived of a file is kept."""
    (tmp_path / "kept").mkdir(exist_ok=True)
    return tmp_path / "kept" / f"{file.digest[:12]}-{file.name}.partial"


def fetched(tmp_path, file, **options):
    options = {"mirror": None, "kept": tmp_path / "kept", "patience": IMPATIENT} | options
    return fetch([file], tmp_path / "out", **options)


def test_a_download_is_official_and_says_its_hash(tmp_path, offer):
    file = source_file(offer("/a"))
    provenance = fetched(tmp_path, file)
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY
    assert provenance == {
        "archive.tgz": {
            "kind": "official",
            "bytes": 512000,
            "sha256": hashlib.sha256(BODY).hexdigest(),
            "official": file.hash,
            "note": "the publisher's bytes",
        }
    }
    assert json.loads((tmp_path / "out/provenance.json").read_text()) == provenance


def test_an_md5_is_an_official_hash_too(tmp_path, offer):
    provenance = fetched(tmp_path, source_file(offer("/a"), algorithm="md5"))
    assert provenance["archive.tgz"]["sha256"] == hashlib.sha256(BODY).hexdigest()


def test_what_was_downloaded_once_is_not_downloaded_again(tmp_path, offer, server):
    file = source_file(offer("/a"))
    fetched(tmp_path, file)
    fetched(tmp_path, file)
    assert len(server.behaviours["/a"].asked) == 1


def test_two_fetches_at_once_download_once(tmp_path, offer, server):
    file = source_file(offer("/a", is_stalling=True))
    options = {"mirror": None, "kept": tmp_path / "kept", "patience": IMPATIENT}
    outs = [tmp_path / "first", tmp_path / "second"]
    threads = [threading.Thread(target=fetch, args=([file], out), kwargs=options) for out in outs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert server.behaviours["/a"].asked == [None, "bytes=256000-"]  # one that stalled, one that went on
    assert [(out / "archive.tgz").read_bytes() == BODY for out in outs] == [True, True]


def test_a_spoilt_kept_file_is_downloaded_again(tmp_path, offer):
    file = source_file(offer("/a"))
    fetched(tmp_path, file)
    next((tmp_path / "kept").glob("*.tgz")).write_bytes(b"x" * len(BODY))
    (tmp_path / "out/archive.tgz").unlink()
    fetched(tmp_path, file)
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_dropped_connection_goes_on_where_it_stopped(tmp_path, offer, server):
    fetched(tmp_path, source_file(offer("/a", drops_after=[200_000])))
    assert server.behaviours["/a"].asked == [None, "bytes=200000-"]
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_connection_that_ends_early_without_a_length_goes_on_too(tmp_path, offer, server):
    fetched(tmp_path, source_file(offer("/a", drops_after=[200_000], headers={"Content-Length": None})))
    assert server.behaviours["/a"].asked == [None, "bytes=200000-"]
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_server_that_falls_silent_is_asked_again(tmp_path, offer, server):
    start = time.monotonic()
    fetched(tmp_path, source_file(offer("/a", is_stalling=True)))
    assert time.monotonic() - start < 10
    assert server.behaviours["/a"].asked == [None, "bytes=256000-"]  # all that came before is kept
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_later_run_goes_on_from_the_partial_file_of_an_earlier_one(tmp_path, offer, server):
    url = offer("/a", drops_after=[200_000])
    with pytest.raises(InputError):
        fetched(tmp_path, source_file(url), patience=Patience(tries=1, first_pause_s=0.0, stall_s=0.5))
    assert not (tmp_path / "out").exists()
    fetched(tmp_path, source_file(url))
    assert server.behaviours["/a"].asked == [None, "bytes=200000-"]
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_server_that_ignores_ranges_sends_the_whole_anew(tmp_path, offer):
    fetched(tmp_path, source_file(offer("/a", drops_after=[200_000], knows_ranges=False)))
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


PATIENT = Patience(tries=3, first_pause_s=0.0, stall_s=0.5)


def test_a_server_that_begins_anew_and_drops_again_and_again_is_given_up(tmp_path, offer, server):
    url = offer("/a", drops_after=[200_000, 100_000] * 10, knows_ranges=False)
    with pytest.raises(InputError, match="the connection ended after 200000 of 512000 bytes"):
        fetched(tmp_path, source_file(url), patience=PATIENT)
    assert len(server.behaviours["/a"].asked) == 3


def test_a_server_that_drops_and_sends_wrong_bytes_is_given_up(tmp_path, offer, server):
    url = offer("/a", body=BODY[::-1], drops_after=[300_000] * 20)
    with pytest.raises(InputError, match="cannot download"):
        fetched(tmp_path, source_file(url), patience=PATIENT)
    assert len(server.behaviours["/a"].asked) == 3


def test_a_file_in_many_small_parts_is_gone_on_with_as_long_as_it_gets_further(tmp_path, offer, server):
    fetched(tmp_path, source_file(offer("/a", drops_after=[30_000] * 20)))
    assert len(server.behaviours["/a"].asked) == 18
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


@pytest.mark.parametrize(
    "received", ["bytes 7-511999/512000", "bytes */512000", "pages 1-2/3", "bytes 200000-"]
)
def test_another_range_than_asked_for_is_not_appended(tmp_path, offer, server, received):
    url = offer("/a", drops_after=[200_000], content_range=received)
    fetched(tmp_path, source_file(url), patience=PATIENT)
    assert server.behaviours["/a"].asked == [None, "bytes=200000-", None]
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_range_of_a_file_of_another_size_is_refused(tmp_path, offer):
    url = offer("/a", drops_after=[200_000], content_range="bytes 200000-511999/999999")
    with pytest.raises(InputError, match="the server has 999999 bytes, expected 512000"):
        fetched(tmp_path, source_file(url))


def test_a_server_that_finds_no_such_range_is_asked_for_the_whole(tmp_path, offer, server):
    file = source_file(offer("/a", statuses=[416]))
    partial(tmp_path, file).write_bytes(b"x" * 1000)
    server.behaviours["/a"].knows_ranges = False
    fetched(tmp_path, file)
    assert server.behaviours["/a"].asked == ["bytes=1000-", None]
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_chunks_are_put_together(tmp_path, offer):
    fetched(tmp_path, source_file(offer("/a", is_chunked=True)))
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_chunks_that_end_early_are_gone_on_with(tmp_path, offer, server):
    fetched(tmp_path, source_file(offer("/a", is_chunked=True, drops_after=[200_000])))
    assert server.behaviours["/a"].asked == [None, "bytes=200000-"]
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_slow_server_is_waited_for_as_long_as_something_comes(tmp_path, offer, server):
    start = time.monotonic()
    fetched(tmp_path, source_file(offer("/a", pause_s=0.08)), patience=Patience(tries=1, stall_s=1.0))
    assert time.monotonic() - start > 1.5
    assert server.behaviours["/a"].asked == [None]


def test_bytes_beyond_those_announced_are_not_read(tmp_path, offer):
    fetched(tmp_path, source_file(offer("/a", body=BODY + b"more", headers={"Content-Length": "512000"})))
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_partial_file_of_other_bytes_is_thrown_away_once_the_hash_is_wrong(tmp_path, offer):
    file = source_file(offer("/a"))
    partial(tmp_path, file).write_bytes(b"x" * 1000)
    fetched(tmp_path, file)
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


@pytest.mark.parametrize("content", [BODY + b"x", BODY * 2, b"x" * len(BODY), BODY])
def test_a_partial_file_that_is_too_long_or_wrong_or_whole_is_of_no_harm(tmp_path, offer, server, content):
    file = source_file(offer("/a"))
    partial(tmp_path, file).write_bytes(content)
    fetched(tmp_path, file)
    assert server.behaviours["/a"].asked == ([] if content == BODY else [None])
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY
    assert not partial(tmp_path, file).exists()


def test_a_redirect_is_followed(tmp_path, offer):
    target = offer("/target")
    url = offer("/a", status=302, body=b"", headers={"Location": target})
    fetched(tmp_path, source_file(url))
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


@pytest.mark.parametrize(
    ("location", "problem"),
    [
        ("/a", "Exceeded 30 redirects"),
        ("http://127.0.0.1:9/gone", "refused"),
        ("ftp://127.0.0.1/a", "No connection adapters"),
        ("file:///etc/passwd", "No connection adapters"),
        ("http://[", "Invalid"),
        ("http://\xff\xfe/", "decode"),
    ],
)
def test_a_redirect_in_a_circle_or_to_nowhere_is_an_error_that_says_so(tmp_path, offer, location, problem):
    url = offer("/a", status=302, body=b"", headers={"Location": location})
    with pytest.raises(InputError, match=rf"cannot download .* from {url} \(.*{problem}"):
        fetched(tmp_path, source_file(url))


def test_bytes_labelled_as_compressed_in_transit_stay_as_they_are(tmp_path, offer):
    fetched(tmp_path, source_file(offer("/a", headers={"Content-Encoding": "x-gzip"})))
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_the_next_url_is_tried_when_one_does_not_have_the_file(tmp_path, offer):
    fetched(tmp_path, source_file(offer("/gone", status=404), offer("/a")))
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


@pytest.mark.parametrize("body", [BODY[::-1] + b"x", BODY[::-1], BODY[:9], b"<html>" + BODY])
@pytest.mark.parametrize("length", ["512000", None])
def test_what_one_url_sent_wrongly_does_not_spoil_what_the_next_sends(tmp_path, offer, body, length):
    first = offer("/wrong", body=body, headers={"Content-Length": length})
    fetched(tmp_path, source_file(first, offer("/a")))
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (408, "Request Timeout"),
        (429, "Too Many Requests"),
        (500, "Internal Server Error"),
        (502, "Bad Gateway"),
        (503, "Service Unavailable"),
        (504, "Gateway Timeout"),
    ],
)
def test_an_overloaded_server_is_asked_again(tmp_path, offer, server, status, words):
    with pytest.raises(InputError, match=f"the server answers {status} {words}"):
        fetched(tmp_path, source_file(offer("/a", status=status)))
    assert len(server.behaviours["/a"].asked) == IMPATIENT.tries


def took(fetch_it):
    start = time.monotonic()
    fetch_it()
    return time.monotonic() - start


@pytest.mark.parametrize("unit", ["seconds", "date"])
def test_a_server_that_asks_for_a_pause_is_given_it_up_to_the_longest(tmp_path, offer, unit):
    wait = {"seconds": "3600", "date": email.utils.formatdate(time.time() + 3600, usegmt=True)}[unit]
    patience = Patience(tries=2, first_pause_s=0.0, longest_pause_s=0.4, stall_s=5.0)
    file = source_file(offer("/a", statuses=[503], headers={"Retry-After": wait}))
    assert 0.4 <= took(lambda: fetched(tmp_path, file, patience=patience)) < 3
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


@pytest.mark.parametrize(
    "wait", ["soon", "-5", "", "9" * 5000, "1 Jan 0000", "Mon, 01 Jan 99999 00:00:00 GMT", "0"]
)
def test_a_pause_that_is_none_is_not_waited_for(tmp_path, offer, wait):
    patience = Patience(tries=2, first_pause_s=0.0, longest_pause_s=5.0, stall_s=5.0)
    file = source_file(offer("/a", statuses=[429], headers={"Retry-After": wait}))
    assert took(lambda: fetched(tmp_path, file, patience=patience)) < 4
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


HTML = b"<!DOCTYPE html><title>Confirm</title>"


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        ({"status": 404}, "the server answers 404 Not Found"),
        ({"status": 403}, "the server answers 403 Forbidden"),
        ({"status": 599}, r"the server answers 599\)"),
        ({"headers": {"Content-Length": "\xb2"}, "body": BODY + b"x"}, "more than the expected 512000 bytes"),
        ({"body": BODY[::-1]}, "the bytes received hash to"),
        ({"body": BODY + b"x"}, "the server has 512001 bytes, expected 512000"),
        ({"body": BODY[1:]}, "the server has 511999 bytes, expected 512000"),
        (
            {"body": BODY + b"x" * 99_999, "headers": {"Content-Length": None}},
            "sends more than the expected 512000 bytes",
        ),
        (
            {"body": HTML, "headers": {"Content-Type": "text/html; charset=utf-8"}},
            "sent a web page, not the file",
        ),
        ({"body": HTML, "headers": {"Content-Length": None}}, "sent a web page, not the file"),
    ],
)
def test_what_is_not_the_file_is_refused_at_the_first_try_and_named(
    tmp_path, offer, server, behaviour, problem
):
    with pytest.raises(InputError, match=problem):
        fetched(tmp_path, source_file(offer("/a", **behaviour)))
    assert len(server.behaviours["/a"].asked) == 1
    assert not (tmp_path / "out").exists()


def test_without_network_the_error_names_file_url_hash_and_the_way_out(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    file = source_file(f"http://127.0.0.1:{port}/a")
    with pytest.raises(InputError) as caught:
        fetched(tmp_path, file)
    url = re.escape(f"http://127.0.0.1:{port}/a")
    assert re.fullmatch(
        rf"cannot download archive\.tgz \(512000 bytes, {file.hash}\) from {url} \(.*Connection refused\);"
        r" run again to go on where it stopped, or put the file into a folder and name that in DATA_MIRROR",
        str(caught.value),
    )


def test_the_error_names_the_mirror_folder_where_there_is_one_and_every_url(tmp_path, mirror, offer):
    first, second = offer("/first", status=404), offer("/second", status=403)
    with pytest.raises(InputError) as caught:
        fetched(tmp_path, source_file(first, second), mirror=mirror)
    assert f"from {first} (the server answers 404 Not Found), then {second} (the" in str(caught.value)
    assert str(caught.value).endswith(f"or put the file into the mirror folder {mirror}")


@pytest.mark.parametrize(
    "proxy", ["http://user:secret@127.0.0.1:9", "http://user:secret@[", "user:sec@ret@:x"]
)
def test_no_credentials_of_url_or_proxy_are_told(tmp_path, offer, monkeypatch, proxy):
    url = offer("/a", status=404).replace("//", "//user:secret@")
    with pytest.raises(InputError, match="404") as of_url:
        fetched(tmp_path, source_file(url))
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(InputError, match="cannot download") as of_proxy:
        fetched(tmp_path, source_file("http://example.invalid/a"))
    for caught in (of_url, of_proxy):
        assert "sec" not in str(caught.value)
        assert "\n" not in str(caught.value)


def test_words_of_a_server_do_not_reach_the_terminal(tmp_path):
    def answer(listener):
        with listener.accept()[0] as connection:
            connection.recv(10_000)
            connection.sendall(b"HTTP/1.1 404 \x1b[2Jwiped\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=answer, args=[listener], daemon=True).start()
        with pytest.raises(InputError, match="404 Not Found") as caught:
            fetched(tmp_path, source_file(f"http://127.0.0.1:{listener.getsockname()[1]}/a"))
    assert str(caught.value).isprintable()


def test_an_address_that_is_no_url_is_named(tmp_path):
    with pytest.raises(InputError, match="ftp://"):
        fetched(tmp_path, source_file("ftp://example.org/a"))


def test_progress_is_a_line_per_tenth_where_there_is_no_terminal(tmp_path, offer, capsys):
    fetched(tmp_path, source_file(offer("/a")))
    lines = capsys.readouterr().err.splitlines()
    assert 5 <= len(lines) <= 10
    assert lines[-1] == "archive.tgz: 0.5 of 0.5 MB"


@pytest.fixture
def mirror(tmp_path):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    return mirror


def test_official_bytes_in_a_mirror_are_official_without_checksums(tmp_path, mirror):
    (mirror / "archive.tgz").write_bytes(BODY)
    assert fetched(tmp_path, source_file(), mirror=mirror)["archive.tgz"]["kind"] == "official"


def test_provenance_does_not_tell_mirror_from_download(tmp_path, mirror, offer):
    (mirror / "archive.tgz").write_bytes(BODY)
    fetched(tmp_path, source_file(), mirror=mirror)
    mirrored = (tmp_path / "out/provenance.json").read_bytes()
    fetched(tmp_path, source_file(offer("/a")))
    assert (tmp_path / "out/provenance.json").read_bytes() == mirrored
    assert str(tmp_path).encode() not in mirrored


def test_other_bytes_are_a_stand_in_where_the_mirror_vouches_for_them(tmp_path, mirror):
    (mirror / "archive.tgz").write_bytes(b"other")
    write_checksums(mirror)
    entry = fetched(tmp_path, source_file(), mirror=mirror)["archive.tgz"]
    assert (entry["kind"], entry["bytes"]) == ("stand-in", 5)
    assert (tmp_path / "out/archive.tgz").read_bytes() == b"other"


@pytest.mark.parametrize("sums", [None, "", "0" * 64 + "  archive.tgz\n", "0" * 64 + "  another.tgz\n"])
def test_other_bytes_are_refused_where_the_mirror_does_not_vouch_for_them(tmp_path, mirror, sums):
    (mirror / "archive.tgz").write_bytes(b"other")
    if sums is not None:
        (mirror / "SHA256SUMS").write_text(sums)
    with pytest.raises(InputError, match=r"^archive\.tgz in the mirror has 5 bytes.*SHA256SUMS"):
        fetched(tmp_path, source_file(), mirror=mirror)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "line",
    [
        *("what is this", "SHA256 (archive.tgz) = " + "0" * 64, "0" * 63 + "  archive.tgz", "0" * 64),
        *(
            "0" * 64 + " archive.tgz",
            "0" * 64 + "\tarchive.tgz",
            "g" * 64 + "  archive.tgz",
            "\\" + "0" * 64 + "  a",
        ),
    ],
)
def test_a_line_of_sha256sums_that_is_none_is_named(tmp_path, mirror, line):
    (mirror / "archive.tgz").write_bytes(b"other")
    (mirror / "SHA256SUMS").write_text(f"\n{line}\n")
    with pytest.raises(
        InputError, match=re.escape(f"SHA256SUMS, line 2: {line!r} is not '<sha256>  <name>'")
    ):
        fetched(tmp_path, source_file(), mirror=mirror)


OTHER = hashlib.sha256(b"other").hexdigest()


@pytest.mark.parametrize(
    "sums",
    [
        *(f"{OTHER}  archive.tgz", f"{OTHER} *archive.tgz\n", f"{OTHER}  ./archive.tgz\n"),
        *(f"{OTHER.upper()}  archive.tgz\r\n", f"\ufeff{OTHER}  archive.tgz\n\n", f"{OTHER}  archive.tgz\r"),
        f"{'0' * 64}  archive.tgz\n{OTHER}  archive.tgz\n",  # a line was appended for a new version
    ],
)
def test_sha256sums_may_be_written_in_any_of_the_usual_ways(tmp_path, mirror, sums):
    (mirror / "archive.tgz").write_bytes(b"other")
    (mirror / "SHA256SUMS").write_bytes(sums.encode())
    assert fetched(tmp_path, source_file(), mirror=mirror)["archive.tgz"]["kind"] == "stand-in"


@pytest.mark.parametrize("name", ["sub/archive.tgz", "../archive.tgz", "/archive.tgz", "archive.tgz "])
def test_a_line_of_sha256sums_for_another_file_does_not_vouch(tmp_path, mirror, name):
    (mirror / "archive.tgz").write_bytes(b"other")
    (mirror / "SHA256SUMS").write_text(f"{OTHER}  {name}\n")
    with pytest.raises(InputError, match="SHA256SUMS does not list it"):
        fetched(tmp_path, source_file(), mirror=mirror)


@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_what_is_no_file_in_a_mirror_is_named_and_nothing_downloaded_instead(
    tmp_path, mirror, offer, server, kind
):
    path = mirror / "archive.tgz"
    {"folder": path.mkdir, "link": lambda: path.symlink_to("nowhere"), "pipe": lambda: os.mkfifo(path)}[
        kind
    ]()
    with pytest.raises(InputError, match=r"archive\.tgz is a folder or a link to nothing, expected a file"):
        fetched(tmp_path, source_file(offer("/a")), mirror=mirror)
    assert server.behaviours["/a"].asked == []


def test_a_link_in_a_mirror_is_followed_and_its_file_copied(tmp_path, mirror):
    (tmp_path / "elsewhere").write_bytes(BODY)
    (mirror / "archive.tgz").symlink_to(tmp_path / "elsewhere")
    fetched(tmp_path, source_file(), mirror=mirror)
    copy = tmp_path / "out/archive.tgz"
    assert not copy.is_symlink()
    assert copy.stat().st_nlink == 1
    assert copy.read_bytes() == BODY


def test_a_file_that_changes_while_it_is_copied_is_refused_or_right(tmp_path, mirror):
    file, path, is_over = source_file(), mirror / "archive.tgz", threading.Event()
    path.write_bytes(BODY)

    def change():
        while not is_over.is_set():
            for content in (BODY[::-1], BODY):
                (mirror / "new").write_bytes(content)
                (mirror / "new").replace(path)

    changer = threading.Thread(target=change)
    changer.start()
    try:
        for _ in range(60):
            try:
                fetched(tmp_path, file, mirror=mirror)
            except InputError:
                continue
            assert (tmp_path / "out/archive.tgz").read_bytes() == BODY
    finally:
        is_over.set()
        changer.join()


def test_what_may_be_used_instead_is_a_stand_in_under_its_own_name(tmp_path, mirror):
    (mirror / "backbone.keras").write_bytes(b"other")
    write_checksums(mirror)
    provenance = fetched(tmp_path, source_file(instead="backbone.keras"), mirror=mirror)
    assert provenance["backbone.keras"]["kind"] == "stand-in"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["backbone.keras", "provenance.json"]


def test_the_official_name_is_preferred_to_what_may_be_used_instead(tmp_path, mirror):
    (mirror / "backbone.keras").write_bytes(b"other")
    (mirror / "archive.tgz").write_bytes(BODY)
    write_checksums(mirror)
    assert list(fetched(tmp_path, source_file(instead="backbone.keras"), mirror=mirror)) == ["archive.tgz"]


def test_what_a_mirror_lacks_is_downloaded(tmp_path, mirror, offer):
    assert fetched(tmp_path, source_file(offer("/a")), mirror=mirror)["archive.tgz"]["kind"] == "official"


def test_a_mirror_that_is_no_folder_is_an_error(tmp_path):
    with pytest.raises(InputError, match="is no folder; name one in DATA_MIRROR"):
        fetched(tmp_path, source_file(), mirror=tmp_path / "nowhere")


def test_a_failed_fetch_leaves_an_earlier_folder_as_it_was(tmp_path, mirror):
    (mirror / "archive.tgz").write_bytes(BODY)
    fetched(tmp_path, source_file(), mirror=mirror)
    (mirror / "archive.tgz").write_bytes(b"other")
    with pytest.raises(InputError):
        fetched(tmp_path, source_file(), mirror=mirror)
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def told(**sections):
    return [str(mistake) for mistake in mistakes(sections, [*sections.get("sources", ())])]


ENTRY = {"bytes": 1, "md5": "0" * 32, "urls": ["http://example.org/a"]}


def test_an_unknown_source_names_the_near_one():
    with pytest.raises(InputError) as caught:
        source_files("cub200", {"sources": {"cifar100": {}, "cub20": {"a.tgz": ENTRY}}})
    assert str(caught.value) == "sources.cub20 is unknown. Did you mean 'cub200'?"


@pytest.mark.parametrize(
    ("name", "change", "problem"),
    [
        ("../up", {}, " is no plain file name: letters, digits, _ . and - only, not . or - first"),
        (5, {}, " is no plain file name: letters, digits, _ . and - only, not . or - first"),
        ("a", {"bytes": 0}, ".bytes is 0, expected a whole number from 1 to 1099511627775"),
        (
            "a",
            {"bytes": "9"},
            ".bytes is '9', expected a whole number from 1 to 1099511627775; write it without",
        ),
        ("a", {"md5": "00"}, ".md5 is '00', expected 32 digits from 0-9 and a-f, in quotes"),
        ("a", {"md5": 0}, ".md5 is 0, expected 32 digits from 0-9 and a-f, in quotes"),
        (
            "a",
            {"sha256": "G" * 64},
            f".sha256 is '{'G' * 64}', expected 64 digits from 0-9 and a-f, in quotes",
        ),
        ("a", {"urls": []}, ".urls is [], expected a list of addresses"),
        ("a", {"urls": "http://x/y"}, ".urls is 'http://x/y', expected a list of addresses"),
        (
            "a",
            {"urls": ["file:///etc/passwd"]},
            ".urls[0] is 'file:///etc/passwd', expected an address such as",
        ),
        ("a", {"instead": "../b"}, ".instead is no plain file name"),
        ("a", {"byts": 5}, ".byts is unknown. Did you mean 'bytes'?"),
    ],
)
def test_a_source_file_that_is_none_is_an_error(name, change, problem):
    (line,) = told(sources={"cub200": {name: ENTRY | change}})
    place = f"[{name}]" if name == 5 else f".{name}"
    assert line.startswith(f"sources.cub200{place}{problem}")


def test_a_source_without_files_hash_or_mapping_is_an_error():
    assert told(sources={"cub200": {}}) == ["sources.cub200 is {}, expected files by their official names"]
    assert told(sources={"cub200": {"a": {"bytes": 1, "urls": ENTRY["urls"]}}}) == [
        "sources.cub200.a lacks the hash of the official file: sha256 or md5"
    ]
    assert told(sources={"cub200": {"a": None}}) == [
        "sources.cub200.a is None, expected a mapping; {} is an empty one"
    ]
    assert told(mirror=None) == ["mirror is None, expected a text"]


def test_the_sources_of_this_study_can_be_read():
    from stages import parameters

    study = parameters.load(Path(__file__).parents[1] / "params.yaml", mistakes)
    assert {source: len(source_files(source, study)) for source in study["sources"]} == {
        "cifar100": 1,
        "cub200": 2,
        "resnet50": 1,
    }


def test_the_command_takes_data_mirror_before_the_mirror_of_params_yaml(
    tmp_path, mirror, monkeypatch, capsys
):
    (mirror / "archive.tgz").write_bytes(b"other")
    write_checksums(mirror)
    entry = "{bytes: 9, md5: '" + "0" * 32 + "', urls: ['http://127.0.0.1:9/a']}"
    (tmp_path / "params.yaml").write_text(f"mirror: nowhere\nsources: {{cub200: {{archive.tgz: {entry}}}}}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_MIRROR", str(mirror))
    monkeypatch.setattr(sys, "argv", ["download", "cub200", "data/archives"])
    download.main()
    assert capsys.readouterr().out == "data/archives: archive.tgz (stand-in, 5 bytes)\n"
    assert (tmp_path / "data/archives/archive.tgz").read_bytes() == b"other"


ROOT = Path(__file__).parents[1]


@pytest.fixture
def study(tmp_path, offer):
    """A folder whose params.yaml names one file of a server; returns how to run `download` in it."""
    url = offer("/a")
    entry = {"bytes": len(BODY), "sha256": hashlib.sha256(BODY).hexdigest(), "urls": [url]}
    sources = {"cifar100": {"archive.tgz": entry}}
    (tmp_path / "params.yaml").write_text(json.dumps({"mirror": "", "sources": sources}))

    def start(out="data/archives", before="pass"):
        command = f"{before}; import os, sys; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
        return subprocess.Popen(
            [sys.executable, "-c", command, "-m", "stages.download", "cifar100", out],
            cwd=tmp_path,
            env={name: value for name, value in os.environ.items() if name != "DATA_MIRROR"}
            | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def ended(process):
    """Waits for a process; returns its exit code and the last line of what it says."""
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err
    return process.returncode, (out or err).splitlines()[-1]


@pytest.mark.parametrize("seed", range(3))
def test_a_process_killed_amid_a_transfer_is_followed_by_one_that_asks_for_the_rest_alone(
    tmp_path, server, study, seed
):
    behaviour = server.behaviours["/a"]
    behaviour.pause_s = 0.05
    killed = study()
    arrived = tmp_path / ".downloads" / f"{hashlib.sha256(BODY).hexdigest()[:12]}-archive.tgz.partial"
    while not arrived.exists() or not arrived.stat().st_size:
        time.sleep(0.005)
    time.sleep(random.Random(seed).uniform(0, 0.6))
    killed.kill()
    killed.communicate()
    size = arrived.stat().st_size
    assert 0 < size < len(BODY)
    assert arrived.read_bytes() == BODY[:size]
    assert not (tmp_path / "data/archives").exists()
    behaviour.pause_s = 0.0
    assert ended(study()) == (0, "data/archives: archive.tgz (official, 512000 bytes)")
    assert behaviour.asked == [None, f"bytes={size}-"]
    assert (tmp_path / "data/archives/archive.tgz").read_bytes() == BODY
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["archives"]
    assert len(list((tmp_path / ".downloads").iterdir())) == 1


def test_two_processes_at_once_download_once(tmp_path, server, study):
    server.behaviours["/a"].pause_s = 0.05
    processes = [study("first"), study("second")]
    assert [ended(process)[0] for process in processes] == [0, 0]
    assert server.behaviours["/a"].asked == [None]
    for out in ("first", "second"):
        assert (tmp_path / out / "archive.tgz").read_bytes() == BODY


def test_a_full_disk_ends_with_one_line_and_the_next_run_goes_on(tmp_path, server, study):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    code, line = ended(study(before=limit))
    assert code == 1
    assert line.startswith("error: File too large")
    assert "make room on the disk, then run again" in line
    assert not (tmp_path / "data/archives").exists()
    assert ended(study())[0] == 0
    assert server.behaviours["/a"].asked == [None, "bytes=100000-"]
    assert (tmp_path / "data/archives/archive.tgz").read_bytes() == BODY


def test_a_disk_without_room_is_told_before_anything_is_written(tmp_path, offer):
    size = 1 << 60
    file = SourceFile(
        "archive.tgz", size, "sha256:" + "0" * 64, (offer("/a", headers={"Content-Length": str(size)}),)
    )
    with pytest.raises(InputError, match=f"no room for .*archive.*: it needs {size} more bytes; free some"):
        fetched(tmp_path, file)
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="takes root's right to write everywhere in Linux' way")
@pytest.mark.parametrize("place", [".downloads", "data"])
def test_a_folder_that_may_not_be_written_to_is_told_in_one_line(tmp_path, study, place):
    (tmp_path / place).mkdir(mode=0o500)
    mortal = "import ctypes; ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)"  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
    code, line = ended(study(before=mortal))
    assert code == 1
    assert line.startswith(f"error: Permission denied: {place}/")
    assert line.endswith("change its permissions or its owner, then run again")


def test_a_file_in_place_of_the_folder_of_downloads_is_told_in_one_line(tmp_path, study):
    (tmp_path / ".downloads").write_text("")
    assert ended(study()) == (
        1,
        "error: .downloads is no folder; move it away, downloads are kept there",
    )

"""Downloads against a real server on this machine that drops, lies and misbehaves on demand."""

import hashlib
import http.server
import json
import socket
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
    headers: dict = field(default_factory=dict)
    drops_after: int | None = None  # bytes, at the first request only
    is_stalling: bool = False  # after half of it, at the first request only
    knows_ranges: bool = True
    asked: list = field(default_factory=list)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        behaviour = self.server.behaviours.get(self.path, Behaviour(status=404, body=b"nothing here"))
        wanted = self.headers.get("Range")
        behaviour.asked.append(wanted)
        offset = int(wanted[6:-1]) if wanted and behaviour.knows_ranges else 0
        body = behaviour.body[offset:]
        self.send_response(206 if offset else behaviour.status)
        if offset:
            self.send_header(
                "Content-Range", f"bytes {offset}-{len(behaviour.body) - 1}/{len(behaviour.body)}"
            )
        for name, value in ({"Content-Length": str(len(body))} | behaviour.headers).items():
            if value is not None:
                self.send_header(name, value)
        self.end_headers()
        first = len(behaviour.asked) == 1
        if first and behaviour.drops_after is not None:
            body = body[: behaviour.drops_after]
        if first and behaviour.is_stalling:
            self.wfile.write(body[: len(body) // 2])
            self.server.released.wait(20)
            return
        self.wfile.write(body)

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
    assert len(server.behaviours["/a"].asked) == 2  # one that stalled, one that went on
    assert [(out / "archive.tgz").read_bytes() == BODY for out in outs] == [True, True]


def test_a_spoilt_kept_file_is_downloaded_again(tmp_path, offer):
    file = source_file(offer("/a"))
    fetched(tmp_path, file)
    next((tmp_path / "kept").glob("*.tgz")).write_bytes(b"x" * len(BODY))
    (tmp_path / "out/archive.tgz").unlink()
    fetched(tmp_path, file)
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_dropped_connection_goes_on_where_it_stopped(tmp_path, offer, server):
    fetched(tmp_path, source_file(offer("/a", drops_after=200_000)))
    first, second = server.behaviours["/a"].asked
    assert first is None
    assert 100_000 < int(second.removeprefix("bytes=").removesuffix("-")) <= 200_000
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_connection_that_ends_early_without_a_length_goes_on_too(tmp_path, offer, server):
    fetched(tmp_path, source_file(offer("/a", drops_after=200_000, headers={"Content-Length": None})))
    assert server.behaviours["/a"].asked == [None, "bytes=200000-"]
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_server_that_falls_silent_is_asked_again(tmp_path, offer, server):
    start = time.monotonic()
    fetched(tmp_path, source_file(offer("/a", is_stalling=True)))
    assert time.monotonic() - start < 10
    assert len(server.behaviours["/a"].asked) == 2
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_later_run_goes_on_from_the_partial_file_of_an_earlier_one(tmp_path, offer, server):
    url = offer("/a", drops_after=200_000)
    with pytest.raises(InputError):
        fetched(tmp_path, source_file(url), patience=Patience(tries=1, first_pause_s=0.0, stall_s=0.5))
    assert not (tmp_path / "out").exists()
    fetched(tmp_path, source_file(url))
    assert server.behaviours["/a"].asked[1].startswith("bytes=")
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_server_that_ignores_ranges_sends_the_whole_anew(tmp_path, offer):
    fetched(tmp_path, source_file(offer("/a", drops_after=200_000, knows_ranges=False)))
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_partial_file_of_other_bytes_is_thrown_away_once_the_hash_is_wrong(tmp_path, offer):
    file = source_file(offer("/a"))
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / f"{file.digest[:12]}-archive.tgz.partial").write_bytes(b"x" * 1000)
    fetched(tmp_path, file)
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_a_redirect_is_followed(tmp_path, offer):
    target = offer("/target")
    url = offer("/a", status=302, body=b"", headers={"Location": target})
    fetched(tmp_path, source_file(url))
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_bytes_labelled_as_compressed_in_transit_stay_as_they_are(tmp_path, offer):
    fetched(tmp_path, source_file(offer("/a", headers={"Content-Encoding": "x-gzip"})))
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_the_next_url_is_tried_when_one_does_not_have_the_file(tmp_path, offer):
    fetched(tmp_path, source_file(offer("/gone", status=404), offer("/a")))
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_an_overloaded_server_is_asked_again(tmp_path, offer, server):
    with pytest.raises(InputError, match="answers 503"):
        fetched(tmp_path, source_file(offer("/a", status=503)))
    assert len(server.behaviours["/a"].asked) == IMPATIENT.tries


HTML = b"<!DOCTYPE html><title>Confirm</title>"


@pytest.mark.parametrize(
    ("behaviour", "problem"),
    [
        ({"status": 404}, "the server answers 404 Not Found"),
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
    for part in ("archive.tgz", "512000 bytes", f"http://127.0.0.1:{port}/a", file.hash, "DATA_MIRROR"):
        assert part in str(caught.value)


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


def test_a_line_of_sha256sums_that_is_none_is_named(tmp_path, mirror):
    (mirror / "archive.tgz").write_bytes(b"other")
    (mirror / "SHA256SUMS").write_text("what is this\n")
    with pytest.raises(InputError, match="SHA256SUMS, line 1: 'what is this'"):
        fetched(tmp_path, source_file(), mirror=mirror)


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

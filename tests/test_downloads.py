"""Which bytes a study starts from: official ones, or those a mirror vouches for; and the command itself."""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from file_server import BODY, FileServer

from dvc_parallel.tests.pipelines import wait_for
from stages import download
from stages.runtime import resolved
from stages.runtime.errors import InputError
from stages.sources.downloads import fetch
from stages.sources.transfers import Patience

IMPATIENT = Patience(tries=2, first_pause_s=0.0, stall_s=0.5)


@pytest.fixture
def server():
    with FileServer().running() as server:
        yield server


@pytest.fixture
def mirror(tmp_path):
    (tmp_path / "mirror").mkdir()
    return tmp_path / "mirror"


def entry(*urls, algorithm="sha256", **more):
    digest = hashlib.new(algorithm, BODY).hexdigest()
    return {"bytes": len(BODY), algorithm: digest, "urls": list(urls)} | more


def fetched(tmp_path, file, **options):
    options = {"mirror": None, "kept": tmp_path / "kept", "patience": IMPATIENT} | options
    return fetch({"archive.tgz": file}, tmp_path / "out", **options)


def vouch(mirror, *names, first_line=""):
    lines = [f"{hashlib.sha256((mirror / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (mirror / "SHA256SUMS").write_text(first_line + "".join(lines))


@pytest.mark.parametrize("algorithm", ["sha256", "md5"])
def test_a_download_is_official_and_says_its_hash(tmp_path, server, algorithm):
    file = entry(server.offer("/a"), algorithm=algorithm)
    provenance = fetched(tmp_path, file)
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY
    assert provenance == {
        "archive.tgz": {
            "kind": "official",
            "bytes": 512000,
            "sha256": hashlib.sha256(BODY).hexdigest(),
            "official": f"{algorithm}:{hashlib.new(algorithm, BODY).hexdigest()}",
            "note": "the publisher's bytes",
        }
    }
    assert json.loads((tmp_path / "out/provenance.json").read_text()) == provenance


def test_mirror_and_download_give_the_same_provenance(tmp_path, mirror, server):
    (mirror / "archive.tgz").write_bytes(BODY)
    fetched(tmp_path, entry(), mirror=mirror)
    mirrored = (tmp_path / "out/provenance.json").read_bytes()
    fetched(tmp_path, entry(server.offer("/a")))
    assert (tmp_path / "out/provenance.json").read_bytes() == mirrored
    assert str(tmp_path).encode() not in mirrored


@pytest.mark.parametrize(("first_line", "kind"), [("", "stand-in"), ("# generated\n", "generated")])
def test_other_bytes_are_a_stand_in_or_generated_where_the_mirror_vouches(tmp_path, mirror, first_line, kind):
    (mirror / "archive.tgz").write_bytes(b"other")
    vouch(mirror, "archive.tgz", first_line=first_line)
    found = fetched(tmp_path, entry(), mirror=mirror)["archive.tgz"]
    assert (found["kind"], found["bytes"]) == (kind, 5)
    assert (tmp_path / "out/archive.tgz").read_bytes() == b"other"


def test_official_bytes_are_official_even_in_a_mirror_of_generated_files(tmp_path, mirror):
    (mirror / "archive.tgz").write_bytes(BODY)
    vouch(mirror, "archive.tgz", first_line="# generated\n")
    assert fetched(tmp_path, entry(), mirror=mirror)["archive.tgz"]["kind"] == "official"


@pytest.mark.parametrize("sums", [None, "", "0" * 64 + "  archive.tgz\n", "0" * 64 + "  another.tgz\n"])
def test_other_bytes_are_refused_where_the_mirror_does_not_vouch_for_them(tmp_path, mirror, sums):
    (mirror / "archive.tgz").write_bytes(b"other")
    if sums is not None:
        (mirror / "SHA256SUMS").write_text(sums)
    with pytest.raises(InputError, match=r"^archive\.tgz in the mirror has 5 bytes.*SHA256SUMS"):
        fetched(tmp_path, entry(), mirror=mirror)
    assert not (tmp_path / "out").exists()


def test_a_link_in_a_mirror_is_followed_and_its_file_copied(tmp_path, mirror):
    (tmp_path / "elsewhere").write_bytes(BODY)
    (mirror / "archive.tgz").symlink_to(tmp_path / "elsewhere")
    fetched(tmp_path, entry(), mirror=mirror)
    copy = tmp_path / "out/archive.tgz"
    assert not copy.is_symlink()
    assert copy.stat().st_nlink == 1
    assert copy.read_bytes() == BODY


def test_what_may_be_used_instead_keeps_its_own_name_and_the_official_one_is_preferred(tmp_path, mirror):
    file = entry(instead="backbone.keras")
    (mirror / "backbone.keras").write_bytes(b"other")
    vouch(mirror, "backbone.keras")
    assert fetched(tmp_path, file, mirror=mirror)["backbone.keras"]["kind"] == "stand-in"
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["backbone.keras", "provenance.json"]
    (mirror / "archive.tgz").write_bytes(BODY)
    assert list(fetched(tmp_path, file, mirror=mirror)) == ["archive.tgz"]


def test_what_a_mirror_lacks_is_downloaded(tmp_path, mirror, server):
    found = fetched(tmp_path, entry(server.offer("/a")), mirror=mirror)
    assert found["archive.tgz"]["kind"] == "official"


def test_a_mirror_that_is_missing_is_an_error_that_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as caught:
        fetched(tmp_path, entry(), mirror=Path("../data"))
    assert str(caught.value) == (
        f"mirror '../data' is not a folder, looked in {tmp_path}/../data;"
        " set DATA_MIRROR to the absolute path of one"
    )


def test_a_failed_fetch_leaves_an_earlier_folder_as_it_was(tmp_path, mirror):
    (mirror / "archive.tgz").write_bytes(BODY)
    fetched(tmp_path, entry(), mirror=mirror)
    (mirror / "archive.tgz").write_bytes(b"other")
    with pytest.raises(InputError):
        fetched(tmp_path, entry(), mirror=mirror)
    assert (tmp_path / "out/archive.tgz").read_bytes() == BODY


def test_an_error_names_file_urls_hash_and_the_way_out(tmp_path, mirror, server):
    first, second = server.offer("/first", status=404), server.offer("/second", status=403)
    for options, way_out in (
        ({}, "a folder and set DATA_MIRROR to its path"),
        ({"mirror": mirror}, f"the mirror {mirror}"),
    ):
        with pytest.raises(InputError) as caught:
            fetched(tmp_path, entry(first, second), **options)
        assert str(caught.value) == (
            f"cannot download archive.tgz (512000 bytes, sha256:{hashlib.sha256(BODY).hexdigest()}) from"
            f" {first} (the server answers 404 Not Found), then {second} (the server answers 403 Forbidden);"
            f" rerun to resume it, or put the file into {way_out}"
        )


@pytest.fixture
def study(tmp_path, server, monkeypatch, terminal_signals):
    """A function that starts `stages.download` as DVC does, in a process of its own."""
    item = tmp_path / "data/resolved/download/source.json"
    resolved.write(item, "download", {"mirror": "", "files": {"archive.tgz": entry(server.offer("/a"))}})
    monkeypatch.delenv("DATA_MIRROR", raising=False)

    def start(out="data/archives", *, before="pass"):
        code = f"{before}; import runpy; runpy.run_module('stages.download', run_name='__main__')"
        return subprocess.Popen(
            [sys.executable, "-c", code, str(item), out],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def ended(process):
    """Exit code, and the last line of all that was said."""
    out, err = process.communicate(timeout=60)
    return process.returncode, (err + out).splitlines()[-1]


def started(tmp_path):
    """The files of transfers that have some bytes."""
    return [path for path in (tmp_path / ".downloads").glob("*.partial") if path.stat().st_size]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_process_ended_amid_a_transfer_is_followed_by_one_that_resumes(tmp_path, server, study, number):
    behaviour = server.behaviours["/a"]
    behaviour.pause_s = 0.1
    first = study()
    wait_for(lambda: started(tmp_path))
    (arrived,) = started(tmp_path)
    first.send_signal(number)
    first.communicate()
    assert first.returncode in (-number, 128 + number)
    size = arrived.stat().st_size
    assert arrived.read_bytes() == BODY[:size]
    assert not (tmp_path / "data/archives").exists()
    behaviour.pause_s = 0.0
    assert ended(study()) == (0, "data/archives: archive.tgz (official, 512000 bytes)")
    assert behaviour.asked == [None, f"bytes={size}-"]
    assert (tmp_path / "data/archives/archive.tgz").read_bytes() == BODY
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["archives", "resolved"]


def test_two_processes_at_once_download_once(tmp_path, server, study):
    server.behaviours["/a"].pause_s = 0.05
    processes = [study("first"), study("second")]
    assert [ended(process)[0] for process in processes] == [0, 0]
    assert server.behaviours["/a"].asked == [None]


def test_a_full_disk_ends_with_one_line_and_the_next_run_resumes(tmp_path, server, study):
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))"
    code, line = ended(study(before=limit))
    assert code == 1
    assert line.startswith("error: File too large")
    assert not (tmp_path / "data/archives").exists()
    assert ended(study())[0] == 0
    assert server.behaviours["/a"].asked == [None, "bytes=100000-"]


def test_data_mirror_takes_the_place_of_mirror(tmp_path, mirror, monkeypatch, capsys):
    (mirror / "archive.tgz").write_bytes(BODY)
    resolved.write(
        tmp_path / "item.json", "download", {"mirror": "nowhere", "files": {"archive.tgz": entry()}}
    )
    monkeypatch.setenv("DATA_MIRROR", str(mirror))
    download.main([str(tmp_path / "item.json"), str(tmp_path / "out")])
    assert capsys.readouterr().out.endswith("out: archive.tgz (official, 512000 bytes)\n")
    monkeypatch.delenv("DATA_MIRROR")
    with pytest.raises(InputError, match=re.escape("mirror 'nowhere' is not a folder, looked in /")):
        download.main([str(tmp_path / "item.json"), str(tmp_path / "out")])

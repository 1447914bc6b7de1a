"""The files of an own folder: what DVC would not hash as it is read is refused by name."""

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from small_archives import write_folder

from stages import resolve
from stages.datasets import files
from stages.projects import own_images
from stages.runtime.errors import InputError


@pytest.fixture
def pets(tmp_path):
    return write_folder(tmp_path / "pets", {"cats": 3, "dogs": 3})


def refused(place):
    with pytest.raises(InputError) as caught:
        files.check(place)
    return str(caught.value)


def test_a_sound_folder_and_a_link_to_one_are_accepted(pets, tmp_path):
    (pets / "cats/again.png").symlink_to(pets / "cats/0.png")
    (tmp_path / "linked").symlink_to(pets)
    files.check(pets)
    files.check(tmp_path / "linked")


def test_a_class_that_is_a_link_to_a_folder_is_refused_as_dvc_does_not_look_into_it(pets, tmp_path):
    write_folder(tmp_path / "elsewhere", {"c": 3})
    (pets / "c").symlink_to(tmp_path / "elsewhere/c")
    assert f"{pets}/c links to a folder, {tmp_path}/elsewhere/c; put that folder itself there" in refused(
        pets
    )
    # What DVC hashes, by its own word:
    hashed = "from dvc.fs import localfs; import sys; print(*localfs.find(sys.argv[1]))"
    command = [os.sys.executable, "-c", hashed, str(pets)]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert f"{pets}/cats/0.png" in found
    assert not [name for name in found if "/c/" in name]


def test_all_problems_are_told_together_some_and_a_count(pets):
    for number in range(6):
        (pets / f"cats/{number} gone.png").symlink_to("/nowhere.png")
    (pets / "dogs/.dvcignore").write_text("*.png")
    (pets / os.fsdecode(b"dogs/b\xe4r.png")).write_bytes(b"")
    lines = refused(pets).splitlines()
    assert lines[0] == f"{pets}: DVC cannot hash what it holds:"
    assert len(lines) == 7
    assert lines[-1] == "  and 3 more"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        (b"cats/b\xe4r.png", "cats/b\\xe4r.png has a name that is not UTF-8"),
        (b"b\xe4r/1.png", "b\\xe4r has a name that is not UTF-8"),
        (b".dvcignore", ".dvcignore hides files from DVC that would be read"),
    ],
)
def test_a_name_that_dvc_cannot_take_is_shown_in_printable_form(pets, name, problem):
    path = pets / os.fsdecode(name)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    message = refused(pets)
    assert f"{pets}/{problem}" in message
    message.encode()


def test_a_link_to_nothing_is_named_with_its_target(pets):
    (pets / "dogs/x.png").symlink_to("../lost.png")
    assert f"{pets}/dogs/x.png is a link to ../lost.png, which does not exist" in refused(pets)


def test_a_pipe_which_dvc_would_wait_for_is_named_in_a_folder_and_as_the_input_itself(pets, tmp_path):
    for place in (pets / "dogs/x.png", tmp_path / "a_fifo"):
        os.mkfifo(place)
        assert f"{place} is a pipe, socket or device" in refused(place if place.parent == tmp_path else pets)
    assert files.images_below(pets).skipped == {"pipe, socket or device": 1}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights_is_named(pets):
    (pets / "dogs/0.png").chmod(0)
    assert f"{pets}/dogs/0.png may not be read; change its permissions" in refused(pets)


def test_a_missing_input_is_called_the_users_own_with_the_target_of_a_link(tmp_path):
    assert "is your own input, but does not exist; correct `from`" in refused(tmp_path / "pets")
    (tmp_path / "pets").symlink_to("/nowhere")
    assert "is a link to /nowhere, which does not exist; correct `from`" in refused(tmp_path / "pets")


def test_a_tilde_is_refused_as_dvc_does_not_expand_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "~/images").mkdir(parents=True)
    for place in ("~/images", "~someone/images"):
        assert "`~` means nothing to DVC; write the whole path" in refused(Path(place))


def test_resolve_checks_own_folders_before_dvc_hashes_them(pets, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    counts = own_images.Counts(["cats", "dogs"], np.full((2, 3), 3))
    study = own_images.params(counts, None, skip_damaged=False)
    (tmp_path / "report.yaml").write_text("{}")
    arguments = ["params.yaml", "report.yaml", "data/resolved"]
    for place, problem in (
        ("pets", None),
        ("not_here_yet", None),
        ("~/x", "`~` means"),
        ("bad", "not UTF-8"),
    ):
        (tmp_path / "params.yaml").write_text(study.replace("from: photos", f"from: {place}"))
        write_folder(tmp_path / "bad", {os.fsdecode(b"b\xe4r"): 1})
        if problem:
            with pytest.raises(InputError, match=problem):
                resolve.main(arguments)
        else:
            resolve.main(arguments)


@pytest.mark.parametrize("change", ["add", "replace", "remove", "touch", "rename"])
def test_every_change_of_a_folder_is_another_state(pets, change):
    before = files.state(pets)
    assert files.state(pets) == before
    image = pets / "cats/0.png"
    if change == "add":
        (pets / "dogs/.hidden").write_bytes(b"")
    elif change == "replace":
        (pets / "new").write_bytes(b"x" * image.stat().st_size)
        os.utime(pets / "new", ns=(0, image.stat().st_mtime_ns))
        (pets / "new").replace(image)
    elif change == "remove":
        image.unlink()
    elif change == "touch":
        os.utime(image)
    else:
        image.rename(pets / "cats/00.png")
    assert files.state(pets) != before

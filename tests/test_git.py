"""What Git hands out is the same bytes for everybody."""

import shutil

import pytest
from commands import ROOT, succeed

FILES = ("params.yaml", "dvc.yaml", "dvc.lock", "stages/verify.py", "README.md", "metrics/basenet.json")


@pytest.mark.parametrize("setting", ["core.autocrlf=true", "core.eol=crlf"])
def test_a_clone_for_windows_line_ends_has_equal_bytes(tmp_path, setting):
    written = tmp_path / "written"
    for name in (".gitattributes", *FILES):
        (written / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, written / name)
    (written / "predictions.npz").write_bytes(b"PK\r\nbytes\n")
    (written / "figure.png").write_bytes(b"text without a zero byte\r\n")
    succeed(written, "git", "init", "-q")
    succeed(written, "git", "-c", setting, "add", ".")
    succeed(written, "git", "commit", "-q", "-m", "Files")
    succeed(tmp_path, "git", "clone", "-q", "-c", setting, "written", "clone")
    for name in (*FILES, "predictions.npz", "figure.png"):
        assert (tmp_path / "clone" / name).read_bytes() == (written / name).read_bytes(), name

"""One file over HTTP, as slow and unreliable servers need it.

The University of Toronto's server gives 50-90 kB/s with resets since 2026 and has answered with web pages
under the archive's name: so a transfer resumes, limits the silence rather than the whole time, tries again as
long as it makes progress, and trusts only size and hash. urllib3 handles refused connections, overloaded
servers and their Retry-After.
"""

import http.client
import re
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import requests
from requests.adapters import HTTPAdapter
from tqdm import tqdm
from urllib3 import Retry
from urllib3.exceptions import HTTPError

from stages.runtime import locks
from stages.runtime.errors import InputError
from stages.runtime.hashes import file_hash

_PIECE_BYTES = 1 << 16
_OVERLOADED = (408, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Patience:
    """How long to wait: tries in a row without progress, doubling pauses, seconds of silence."""

    tries: int = 4
    first_pause_s: float = 1.0
    longest_pause_s: float = 60.0  # even if a server asks for a longer one
    stall_s: float = 60.0


PATIENCE = Patience()


class TransferError(Exception):
    """No URL gave the file; says why of each, in one line."""


class _BrokenError(Exception):
    """This try failed; another may resume where it stopped."""


class _RefusedError(Exception):
    """This URL does not have the file; another try would get the same answer."""


def transfer(urls: Iterable[str], target: Path, *, size: int, hash: str, patience: Patience) -> None:
    """Makes `target` the file of `size` bytes and `hash`, unless it is that already.

    What has arrived is kept in `target`.partial, from where the next try or run resumes.

    Args:
        urls: tried in order; all are expected to serve the same bytes.
        target: appears only after size and hash were checked.
        size: of the whole file, in bytes; no more is ever accepted.
        hash: `sha256:...` or `md5:...`.
        patience: how long to wait for servers.

    Raises:
        TransferError: no URL gave the file.
        InputError: the folder of `target` is a file.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{target.parent} is a file, expected the folder of downloads; move it") from None
    partial = target.with_name(f"{target.name}.partial")
    with locks.held(target.with_name(f".{target.name}.lock")):
        if target.exists() and _matches(target, size, hash):
            return
        problems = []
        for url in urls:
            try:
                _insist(url, partial, size, hash, patience)
            except _RefusedError as problem:
                problems.append(re.sub(r"//[^/\s]*@", "//", f"{url} ({problem})"))  # no credentials
            else:
                partial.replace(target)
                return
    raise TransferError(", then ".join(problems))


def _insist(url: str, partial: Path, size: int, hash: str, patience: Patience) -> None:
    """Tries one URL until the file is complete and right, or too many tries in a row made no progress."""
    failures, furthest = 0, _length(partial)
    while True:
        before = _length(partial)
        try:
            if before != size:
                _receive(url, partial, size, patience)
            return _check(partial, size, hash, resumed=before > 0)
        except _BrokenError as problem:
            # Beyond the furthest point: a server that keeps restarting or sends wrong bytes would never end.
            failures = 1 if _length(partial) > furthest else failures + 1
            furthest = max(furthest, _length(partial))
            if failures >= patience.tries:
                raise _RefusedError(str(problem)) from None
            time.sleep(min(patience.first_pause_s * 2 ** (failures - 1), patience.longest_pause_s))


def _receive(url: str, partial: Path, size: int, patience: Patience) -> None:
    """Appends what is missing to `partial`, or restarts if the server ignores ranges."""
    offset = _length(partial) if _length(partial) < size else 0
    # No compression in transit: a server that labels a .tgz as gzip-encoded would have it unpacked.
    headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={offset}-"} if offset else {})
    try:
        with (
            _session(patience) as session,
            session.get(url, headers=headers, stream=True, timeout=patience.stall_s) as response,
        ):
            offset = _accepted_offset(response, offset, partial, size)
            _append(_shown(_pieces(response), partial, offset, size), partial, offset, size)
    except HTTPError as error:  # amid the file: silence, a reset
        raise _BrokenError(_reason(error)) from None
    except (requests.RequestException, ValueError) as error:  # urllib3 gave up, or a bad redirect
        raise _RefusedError(_reason(error)) from None


def _session(patience: Patience) -> requests.Session:
    retry = Retry(
        patience.tries - 1,
        status_forcelist=_OVERLOADED,
        raise_on_status=False,
        backoff_factor=patience.first_pause_s,
        backoff_max=patience.longest_pause_s,
        retry_after_max=patience.longest_pause_s,
    )
    session = requests.Session()
    for scheme in ("http://", "https://"):
        session.mount(scheme, HTTPAdapter(max_retries=retry))
    return session


def _accepted_offset(response: requests.Response, offset: int, partial: Path, size: int) -> int:
    """Returns the place of the answer's first byte; refuses what cannot be the file."""
    status = response.status_code
    if status == 416:  # what we have is not a beginning of what the server has
        partial.unlink(missing_ok=True)
        raise _BrokenError("the server has no such range")
    if status not in (200, 206):
        raise _RefusedError(f"the server answers {status} {http.client.responses.get(status, '')}".strip())
    if "text/html" in response.headers.get("Content-Type", ""):
        raise _RefusedError("the server sent a web page, not the file")
    offset = 0 if status == 200 else offset
    announced = response.headers.get("Content-Length", "")
    if announced.isascii() and announced.isdecimal() and offset + int(announced) != size:
        raise _RefusedError(f"the server has {offset + int(announced)} bytes, expected {size}")
    return offset


def _pieces(response: requests.Response) -> Iterator[bytes]:
    # What has arrived, without waiting for the rest of a piece, which a kill or a silence would lose.
    response.raw.enforce_content_length = False  # checked where the pieces are written
    while piece := response.raw.read1(_PIECE_BYTES, decode_content=False):
        yield piece


def _append(pieces: Iterable[bytes], partial: Path, offset: int, size: int) -> None:
    received = offset
    with partial.open("r+b" if offset else "wb") as file:
        file.seek(offset)
        for piece in pieces:
            received += len(piece)
            if received > size:
                raise _RefusedError(f"the server sends more than the expected {size} bytes")
            file.write(piece)
    if received < size:
        raise _BrokenError(f"the connection ended after {received} of {size} bytes")


def _check(partial: Path, size: int, hash: str, *, resumed: bool) -> None:
    """Deletes wrong bytes; if some came from an earlier try, a fresh one may do better."""
    if _matches(partial, size, hash):
        return
    got = file_hash(partial, hash.partition(":")[0])
    partial.unlink()
    problem = f"the bytes received hash to {got}, expected {hash}; deleted them"
    raise _BrokenError(problem) if resumed else _RefusedError(problem)


def _shown(pieces: Iterable[bytes], partial: Path, offset: int, size: int) -> Iterator[bytes]:
    """Shows progress: a bar on a terminal, otherwise one line per tenth of the file."""
    name = partial.stem.partition("-")[2]
    received, terminal = offset, sys.stderr.isatty()
    with tqdm(desc=name, total=size, initial=offset, unit="B", unit_scale=True, disable=not terminal) as bar:
        for piece in pieces:
            bar.update(len(piece))
            tenths, received = received * 10 // size, received + len(piece)
            if not terminal and received * 10 // size > tenths:
                print(f"{name}: {received / 1e6:.1f} of {size / 1e6:.1f} MB", file=sys.stderr)
            yield piece


def _reason(error: BaseException) -> str:
    """Returns the innermost cause in one line, without the addresses of objects."""
    causes = (getattr(error, "reason", None), *error.args)
    inner = next((cause for cause in causes if isinstance(cause, Exception)), None)
    if inner:
        return _reason(inner)
    return " ".join((str(error).partition(">: ")[2] or str(error) or type(error).__name__).split())


def _matches(path: Path, size: int, hash: str) -> bool:
    algorithm, _, digest = hash.partition(":")
    return path.stat().st_size == size and file_hash(path, algorithm) == digest


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0

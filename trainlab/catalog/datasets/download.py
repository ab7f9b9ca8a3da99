"""Downloading one file: with a timeout, several tries, progress, and a checksum at the end."""

import hashlib
import http.client
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any
from urllib.parse import urlsplit

from trainlab.catalog.datasets.base import Pace, written
from trainlab.events import Progress
from trainlab.text import _

TRIES = 3
TIMEOUT = 10.0  # seconds without a byte
BACK_OFF = 1.0  # seconds before the second try; doubled before each further one


class UnreachableError(Exception):
    """The file did not come. `final` where another try would only waste time."""

    def __init__(self, reason: str, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


def download(url: str, path: Path, md5: str = "", sha256: str = "") -> Iterator[Progress]:
    """Fetch `url` to `path`, which appears when it is whole and right; a broken try is continued.

    Args:
        url: an https address.
        path: where the file goes.
        md5: its checksum.
        sha256: the beginning of this checksum, where that is what is known.
    """
    with written(path) as file:
        received = _Received(file, "sha256" if sha256 else "md5")
        for number in range(1, TRIES + 1):
            try:
                yield from _attempt(url, path.name, received)
                break
            except UnreachableError as error:
                if error.final or number == TRIES:
                    raise
                again = _("{reason}; trying again ({number} of {tries})")
                text = again.format(reason=error, number=number + 1, tries=TRIES)
            yield from _wait(text, BACK_OFF * 2 ** (number - 1))
        if not received.digest.hexdigest().startswith(sha256 or md5):
            wrong = _(
                "{host} sent something else than {file}: its checksum is not the expected one"
            )
            text = wrong.format(host=urlsplit(url).hostname, file=path.name)
            raise UnreachableError(text, final=True)


def checksum(path: Path) -> str:
    """The MD5 of a file, as torchvision lists them."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, _md5).hexdigest()


def _md5() -> Any:
    return hashlib.md5(usedforsecurity=False)


def _wait(text: str, seconds: float) -> Iterator[Progress]:
    end = time.monotonic() + seconds
    yield Progress(text)
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(left, 0.1))
        yield Progress(text)


class _Received:
    """What has come so far of a file."""

    def __init__(self, file: IO[bytes], checksum: str) -> None:
        self._file, self._checksum = file, checksum
        self.restart()

    def add(self, block: bytes) -> None:
        self._file.write(block)
        self.digest.update(block)
        self.size += len(block)

    def restart(self) -> None:
        self._file.seek(0)
        self._file.truncate()
        self.size, self.digest = 0, hashlib.new(self._checksum, usedforsecurity=False)


def _attempt(url: str, name: str, received: _Received) -> Iterator[Progress]:
    total, pace = 0, Pace()
    for block, total in _blocks(url, received):
        received.add(block)
        if pace.due():
            yield _told(name, received.size, total)
    if total and received.size < total:
        host = urlsplit(url).hostname
        raise UnreachableError(_("The connection to {host} broke off").format(host=host))
    yield _told(name, received.size, total)


def _told(name: str, received: int, total: int) -> Progress:
    if not total:
        text = _("Downloading {file}: {done:.1f} MB").format(file=name, done=received / 1e6)
        return Progress(text)
    text = _("Downloading {file}: {done:.1f} of {total:.1f} MB")
    text = text.format(file=name, done=received / 1e6, total=total / 1e6)
    return Progress(text, min(received / total, 1.0))


def _blocks(url: str, received: _Received) -> Iterator[tuple[bytes, int]]:
    """What is still missing, as the server sends it, and how long all of it is (0 where unknown)."""
    host = urlsplit(url).hostname
    _secure(url)
    headers = {"User-Agent": "trainlab"}
    if received.size:
        headers["Range"] = f"bytes={received.size}-"
    request = urllib.request.Request(url, headers=headers)  # noqa: S310 (just checked)
    try:
        with urllib.request.build_opener(_SecureRedirects).open(request, timeout=TIMEOUT) as reply:
            if reply.status != http.HTTPStatus.PARTIAL_CONTENT:
                received.restart()  # the server sends all of it again
            length = int(reply.headers.get("Content-Length") or 0)
            total = received.size + length if length else 0
            while block := reply.read1(1 << 16):
                yield block, total
    except urllib.error.HTTPError as error:
        error.close()
        text = _("{host} answered {code} {reason}")
        text = text.format(host=host, code=error.code, reason=error.reason)
        raise UnreachableError(text, final=400 <= error.code < 500) from error
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", error)
        text = _("{host} could not be reached ({reason})").format(host=host, reason=reason)
        raise UnreachableError(text) from error


def _secure(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme, parts.hostname) != ("http", "127.0.0.1"):
        raise UnreachableError(_("{url} is not https").format(url=url), final=True)


class _SecureRedirects(urllib.request.HTTPRedirectHandler):
    """Follows a server that sends us elsewhere only over https."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Any,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The request to follow. Raises UnreachableError where it would not be secure."""
        try:
            _secure(newurl)
        except UnreachableError:
            fp.close()
            raise
        return super().redirect_request(req, fp, code, msg, headers, newurl)

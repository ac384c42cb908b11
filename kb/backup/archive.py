"""One file that holds a home: a tar under zstandard, whose every byte is under a checksum.

Each member's header and content are a frame of their own, so that what is damaged can be named. The last member is the
manifest, with size and SHA-256 of all others. Behind it stands the SHA-256 of all that is before, as a frame that
zstandard skips: `tar --zstd -xf` reads the file too.
"""

from __future__ import annotations

import hashlib
import os
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path, PurePosixPath
from typing import IO

import msgspec
import zstandard

from kb.errors import StoreError
from kb.progress import Progress

FORMAT = 1
MANIFEST = "manifest.json"
_LEVEL = 3
_PIECE = 1 << 20
_LARGEST_MANIFEST = 1 << 28
_MOST = 1 << 24  # members
_LARGEST = 1 << 42
_TAIL = b"\x50\x2a\x4d\x18\x20\x00\x00\x00"
"""Of a frame that is skipped, with 32 bytes."""
_DIGEST = 32
_BROKEN = (tarfile.TarError, zstandard.ZstdError, EOFError, ValueError)


class Member(msgspec.Struct, frozen=True):
    """A file of the home: its path there, bytes, and SHA-256 in hexadecimal."""

    path: str
    size: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds, and of what: `migrations` by database, `counts` of rows by database and table."""

    format: int
    version: str
    made_at: str
    customer_key: str
    migrations: dict[str, list[str]]
    counts: dict[str, dict[str, int]]
    members: list[Member]


class Damaged(StoreError):
    """A backup is not as it was written: use another one."""


class Writer:
    """Writes an archive member by member; `close` completes it. Raises OSError."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._raw = _Summing(stream)
        made = zstandard.ZstdCompressor(level=_LEVEL, write_checksum=True)
        self._stream = made.stream_writer(self._raw, closefd=False)  # type: ignore[arg-type]
        self.members: list[Member] = []

    def add(self, path: str, source: IO[bytes], size: int) -> Iterator[int]:
        """Writes `size` bytes as the file `path`, and gives how many are written, piece by piece.

        Raises EOFError where the source is shorter.
        """
        self._begin(path, size)
        digest, left = hashlib.sha256(), size
        while left:
            piece = source.read(min(_PIECE, left))
            if not piece:
                raise EOFError(f"{path} is shorter than it was")
            digest.update(piece)
            self._stream.write(piece)
            left -= len(piece)
            yield size - left
        self._end(size)
        self.members.append(Member(path, size, digest.hexdigest()))

    def close(self, manifest: Manifest) -> None:
        """Adds the manifest and the end."""
        content = msgspec.json.format(msgspec.json.encode(manifest), indent=1)
        self._begin(MANIFEST, len(content))
        self._stream.write(content)
        self._end(len(content))
        self._stream.write(bytes(2 * tarfile.BLOCKSIZE))
        self._stream.flush(zstandard.FLUSH_FRAME)
        self._raw.write(_TAIL + self._raw.digest.digest())

    def _begin(self, path: str, size: int) -> None:
        info = tarfile.TarInfo(path)
        info.size, info.mode = size, 0o600
        self._stream.write(info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict"))
        self._stream.flush(zstandard.FLUSH_FRAME)

    def _end(self, size: int) -> None:
        self._stream.write(bytes(-size % tarfile.BLOCKSIZE))
        self._stream.flush(zstandard.FLUSH_FRAME)


class _Summing:
    """Sums what is written through it."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream, self.digest = stream, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._stream.write(data)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the home as an archive gives it; `pieces` are to be read to their end before the next one."""

    path: str
    size: int
    pieces: Iterator[bytes]


def entries(file: Path) -> Iterator[Entry]:
    """What an archive holds, the manifest last. Raises Damaged, which names the place, and StoreError.

    Nothing of it is to be relied on before `check` went through all of it.
    """
    last = "its beginning"
    try:
        with file.open("rb") as raw:
            unpacked = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
            with tarfile.open(fileobj=unpacked, mode="r|", bufsize=tarfile.BLOCKSIZE) as tar:  # reads no block ahead
                for info in tar:
                    last = _safe(file, info)
                    yield Entry(info.name, info.size, _pieces(file, tar, info))
    except _BROKEN as error:
        raise Damaged(f"{file} is damaged behind {last}: {error}: nothing was changed; use another backup") from error
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror or error}: name a file that you may read") from error


def _pieces(file: Path, tar: tarfile.TarFile, info: tarfile.TarInfo) -> Iterator[bytes]:
    content = tar.extractfile(info)
    assert content is not None  # noqa: S101 - it is a file
    try:
        while piece := content.read(_PIECE):
            yield piece
    except _BROKEN as error:
        raise _is_damaged(file, info.name, str(error)) from error


def _is_damaged(file: Path, name: str, why: str) -> Damaged:
    return Damaged(f"{file}: {name} in it is damaged ({why}): nothing was changed; use another backup")


def _safe(file: Path, info: tarfile.TarInfo) -> str:
    """The path of an entry that is a file within the home, and none that a home makes by itself."""
    path = PurePosixPath(info.name)
    if not info.isreg():
        raise Damaged(f"{file}: {info.name!r} in it is a link, a folder or a device: this was not written by kb")
    if path.is_absolute() or ".." in path.parts or "\0" in info.name or str(path) != info.name:
        raise Damaged(f"{file}: {info.name!r} in it leads out of the home: this was not written by kb")
    if path.parts[0] == "index" or path.parts[0].startswith("."):
        raise Damaged(f"{file}: {info.name!r} in it is no part of a backup: this was not written by kb")
    if not 0 <= info.size <= _LARGEST:
        raise Damaged(f"{file}: {info.name!r} in it would be {info.size} bytes: this was not written by kb")
    return info.name


def check(file: Path, progress: Progress) -> Manifest:
    """Compares all of an archive with its sums, and says what it holds. Raises Damaged, StoreError."""
    found: list[Member] = []
    content: bytes | None = None
    read, size = 0, max(1, _size(file))
    for entry in entries(file):
        if content is not None or len(found) > _MOST:
            raise _is_damaged(file, entry.path, "it stands where nothing should")
        if entry.path == MANIFEST:
            content = _small(file, entry)
            continue
        digest = hashlib.sha256()
        for piece in entry.pieces:
            digest.update(piece)
            read += len(piece)
            progress("Checking", min(read, size - 1), size)
        found.append(Member(entry.path, entry.size, digest.hexdigest()))
    manifest = _manifest(file, content, found[-1].path if found else "its beginning")
    _compare(file, manifest, found)
    _check_end(file)
    progress("Checking", size, size)
    return manifest


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError as error:
        raise StoreError(f"{file}: {error.strerror}: name a backup that `kb backup` wrote") from error


def _small(file: Path, entry: Entry) -> bytes:
    if entry.size > _LARGEST_MANIFEST:
        raise _is_damaged(file, MANIFEST, f"{entry.size} bytes")
    return b"".join(entry.pieces)


def _manifest(file: Path, content: bytes | None, last: str) -> Manifest:
    if content is None:
        raise Damaged(f"{file} ends behind {last}: it is damaged, or no backup: nothing was changed; use another one")
    try:
        made = msgspec.json.decode(content, type=Manifest)
    except msgspec.DecodeError as error:
        raise _is_damaged(file, MANIFEST, str(error)) from error
    if made.format != FORMAT:
        raise StoreError(f"{file}: format {made.format}, this kb reads {FORMAT}: restore with kb {made.version}")
    return made


def _compare(file: Path, manifest: Manifest, found: list[Member]) -> None:
    for expected, read in zip_longest(manifest.members, found):
        if expected != read:
            name = (read or expected or Member(MANIFEST, 0, "")).path
            raise _is_damaged(file, name, "it is not what the manifest says")
    if len({member.path for member in found}) < len(found):
        raise _is_damaged(file, MANIFEST, "a file stands in it twice")


def _check_end(file: Path) -> None:
    """What no member's sum is about: the tar's own bytes between them, and this end."""
    end = len(_TAIL) + _DIGEST
    with file.open("rb") as stream:
        left, digest = _size(file) - end, hashlib.sha256()
        while left > 0 and (piece := stream.read(min(_PIECE, left))):
            digest.update(piece)
            left -= len(piece)
        if stream.read() != _TAIL + digest.digest():
            raise _is_damaged(file, "its end, or what stands between the files", "another sum")


def unpack(file: Path, manifest: Manifest, folder: Path, progress: Progress) -> None:
    """Writes the files of an archive that was checked into a new folder, and waits until they are on the disk.

    Raises Damaged where it is another archive by now, OSError.
    """
    total, done = max(1, sum(member.size for member in manifest.members)), 0
    for expected, entry in zip(manifest.members, entries(file), strict=False):
        place, digest = folder / entry.path, hashlib.sha256()
        place.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            for piece in entry.pieces:
                digest.update(piece)
                stream.write(piece)
                done += len(piece)
                progress("Restoring", done, total)
            stream.flush()
            os.fsync(stream.fileno())
        if Member(entry.path, entry.size, digest.hexdigest()) != expected:
            raise _is_damaged(file, entry.path, "it changed while it was read")

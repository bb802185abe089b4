"""The folder of exports: files that only their owner reads, there whole or not at all."""

import contextlib
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from avnu.errors import NotFound, StoreUnavailable

# What begins so is ours, should the folder hold more.
PREFIX = "data-request-"
_PART = ".part"
# Whoever writes one takes seconds.
_PART_LASTS_S = 3600


class Exports:
    """Raises StoreUnavailable where the folder cannot be used: the request waits."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, content: bytes) -> None:
        """The file has this content; whoever reads meanwhile sees the old one, or the new."""
        part = self.folder / f"{name}.{secrets.token_hex(8)}{_PART}"
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(file, "wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            part.replace(self.folder / name)
            self._sync()
        except OSError as fault:
            part.unlink(missing_ok=True)
            raise StoreUnavailable(f"exports cannot be written: {fault.strerror}") from None

    def read(self, name: str) -> bytes:
        """What is in the file. Raises NotFound."""
        try:
            return (self.folder / name).read_bytes()
        except OSError as fault:
            where = self.folder / name
            raise NotFound(f"{where} cannot be read here: {fault.strerror}") from None

    def remove(self, name: str) -> None:
        """The file is gone, if it was there."""
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError as fault:
            raise StoreUnavailable(f"an export cannot be removed: {fault.strerror}") from None

    def sweep(self, now_s: float, known: Iterable[str]) -> int:
        """Removes what a killed process left, and files that nobody knows; answers how many."""
        kept, removed = set(known), 0
        for path in self.folder.glob(f"{PREFIX}*"):
            with contextlib.suppress(FileNotFoundError):  # another was first
                old = now_s - path.stat().st_mtime > _PART_LASTS_S
                if old and path.name not in kept:
                    path.unlink()
                    removed += 1
        return removed

    def _sync(self) -> None:
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

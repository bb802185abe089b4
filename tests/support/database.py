"""What a worker needs beside Redis: a database of the newest form, and a key for its tokens."""

import atexit
import functools
import shutil
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

from avnu.secret import Secret
from avnu.store.database import Store
from avnu.store.schema import upgrade


def database_environ(folder: Path) -> dict[str, str]:
    """Variables that name an empty database in ``folder``, and a key."""
    path = folder / "avnu.db"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(_newest(), path)
    return {"DATABASE_URL": f"sqlite:///{path}", "TOKEN_ENCRYPTION_KEYS": _key()}


@functools.cache
def _key() -> str:
    return Fernet.generate_key().decode()


@functools.cache
def _newest() -> Path:
    """Made once per run: a copy takes a millisecond, the migrations half a second."""
    folder = Path(tempfile.mkdtemp(prefix="avnu-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = folder / "avnu.db"
    with Store(Secret(f"sqlite:///{path}")) as store:
        upgrade(store)
    return path

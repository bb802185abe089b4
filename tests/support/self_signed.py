"""A certificate for localhost, signed by itself, made by openssl."""

import subprocess
from pathlib import Path

from tests.support.require import require


def self_signed(certificate: Path, key: Path) -> None:
    """Write both files, PEM; good for two days."""
    subprocess.run(
        [
            *(require("openssl"), "req", "-x509", "-newkey", "ec"),
            *("-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(key), "-out", str(certificate)),
        ],
        check=True,
        capture_output=True,
    )

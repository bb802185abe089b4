"""Webhook bodies to test with: our own for every routed topic, and Shopify's published samples.

The samples are a folder beside the repository, or wherever AVNU_CORPUS points: the sample of
``orders/create`` is ``<corpus>/2026-07/orders__create.json``. CI has it; a clone may not.
"""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OWN = ROOT / "tests" / "fixtures" / "payloads"


def own() -> dict[str, bytes]:
    """Topic → body, one for every topic that Avnu routes; ids are exact."""
    return _read(OWN)


def published() -> dict[str, bytes]:
    """Topic → body of 221 topics as Shopify publishes them; empty where they are not there.

    36 of them hold ids that were rounded to a double on the way; three name their shop
    ``{shop}.myshopify.com``; five are ``{}``.
    """
    corpus = os.environ.get("AVNU_CORPUS")
    return _read((Path(corpus) if corpus else ROOT.parent / "shared" / "corpus") / "2026-07")


def _read(folder: Path) -> dict[str, bytes]:
    return {
        path.stem.replace("__", "/"): path.read_bytes().strip()
        for path in sorted(folder.glob("*.json"))
    }

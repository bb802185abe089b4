"""Settings of Flower, by Flower's own names. Part of ``avnu/settings/table.py``."""

import dataclasses

from avnu.secret import Secret
from avnu.settings.kinds import HOST, HiddenList, row, whole


@dataclasses.dataclass(frozen=True, kw_only=True)
class FlowerSettings:
    """Flower: queue and workers in a browser, read-only; Flower's own FLOWER_… hold as well."""

    flower_address: str = row(
        HOST,
        "127.0.0.1",
        "Address on which it serves; any but loopback needs FLOWER_BASIC_AUTH or OAuth.",
    )
    flower_port: int = whole(5555, "port, 0 for any free one", "Port on which it serves.", 0, 65535)
    flower_basic_auth: tuple[Secret, ...] = row(
        HiddenList("user:password, separated by commas"),
        (),
        "Who may look; its /metrics and /healthcheck are open to everybody all the same.",
    )

"""Which addresses the sandbox may send to without being asked twice."""

import ipaddress
from urllib.parse import urlsplit


def is_loopback(url: str) -> bool:
    """Whether ``url`` names this machine by ``localhost`` or a loopback address.

    Names are not resolved: one that points to 127.0.0.1 now may point elsewhere in a second.
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False

"""The signature of a delivery: base64 of HMAC-SHA256 over the raw body, keyed with the secret.

Everything here is bytes: comparing text raises on a non-ASCII header, and a body that was decoded
and encoded again is no longer what was signed.
"""

import binascii
from hmac import compare_digest, digest

MAC_BYTES = 32
_ENCODED_BYTES = 44


def decode(value: bytes) -> bytes | None:
    """The 32 bytes of a signature header, or None when it is anything but their base64.

    Only the one spelling that an encoder gives: unused bits set, blanks or a URL alphabet are not
    what Shopify sends, and its own libraries compare the text.
    """
    if len(value) != _ENCODED_BYTES:
        return None
    try:
        mac = binascii.a2b_base64(value)
    except ValueError:
        return None
    return mac if len(mac) == MAC_BYTES and encode(mac) == value else None


def encode(mac: bytes) -> bytes:
    """A signature as its header spells it."""
    return binascii.b2a_base64(mac, newline=False)


class Secrets:
    """The app's client secret and, while a rotation is under way, the one before it.

    Shopify signs with the oldest secret that is not revoked, and for up to an hour after, so both
    are tried (its page on rotating client credentials).
    """

    def __init__(self, current: str, previous: str = "") -> None:
        self._keys = [secret.encode() for secret in (current, previous) if secret]

    def signed(self, mac: bytes, body: bytes) -> bool:
        """Did someone who knows a secret sign these very bytes? In constant time per secret.

        One call of OpenSSL: an HMAC of kept SHA-256 states would save 1 µs of about 60 per request
        and be our own cryptography.
        """
        for key in self._keys:  # noqa: SIM110  # any() of a generator costs a sixth of the HMAC
            if compare_digest(digest(key, body, "sha256"), mac):
                return True
        return False

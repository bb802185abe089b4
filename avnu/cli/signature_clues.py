"""Why a signature does not fit: the usual mistakes, tried one after the other.

Facts: the header is base64 of HMAC-SHA256 over the raw body, keyed with the app's client secret as
UTF-8 text. Whatever parses the body before it is verified and writes it out again changes its
bytes, which is the mistake seen most.
"""

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterator, Mapping

_MAC_BYTES = 32
_HEX = re.compile(r"[0-9a-fA-F]{64}")

Attempt = tuple[str, bytes]


def matches(signature: str, secret: str, body: bytes) -> bool:
    """Whether the receiver would take it: exactly the base64 of the body's MAC."""
    expected = base64.b64encode(_mac(secret, body))
    return hmac.compare_digest(expected, signature.encode(errors="replace"))


def likely_reason(signature: str, secrets: Mapping[str, str], body: bytes) -> str:
    """One sentence: what is wrong with it, or what is left when no known mistake explains it."""
    mac, spelling = _read(signature)
    if mac is None:
        return spelling
    for name, secret in secrets.items():
        if hmac.compare_digest(_mac(secret, body), mac):
            return f"the bytes are right and signed with {name}, but {spelling}"
        for what, variant in _bodies(body):
            if hmac.compare_digest(_mac(secret, variant), mac):
                return f"it is of another spelling of this body, signed with {name}: {what}"
        for what, digest in _other_ways(secret, body):
            if hmac.compare_digest(digest, mac):
                return f"it was made with {name} in another way: {what}"
    return (
        "no known mistake explains it, so it was most likely made with another secret (of another "
        "app, or from before a rotation: set SHOPIFY_API_SECRET_PREVIOUS), or of another body"
    )


def _read(signature: str) -> tuple[bytes | None, str]:
    """The MAC in whatever spelling it has, and what is wrong with the spelling."""
    text = signature.strip().strip("'\"")
    wrong = "" if text == signature else "there are blanks or quotes around it"
    if not text:
        return None, "it is empty"
    if text.lower().startswith("sha256="):
        text, wrong = text[7:], "it begins with sha256=, which is how others than Shopify send it"
    if _HEX.fullmatch(text):
        return bytes.fromhex(text), "it is written in hex, and Shopify sends base64"
    standard = text.replace("-", "+").replace("_", "/")
    if standard != text:
        wrong = "it is in the URL alphabet of base64 (- and _ for + and /)"
    if len(standard) % 4:
        standard, wrong = standard + "=" * (-len(standard) % 4), "its padding (=) was cut off"
    try:
        mac = base64.b64decode(standard, validate=True)
    except (binascii.Error, ValueError):
        return None, "it is neither base64 nor hex"
    if _HEX.fullmatch(mac.decode("latin-1")):
        return bytes.fromhex(mac.decode("ascii")), "it is base64 of the hex text, not of the bytes"
    if len(mac) != _MAC_BYTES:
        return None, f"it holds {len(mac)} bytes where HMAC-SHA256 has {_MAC_BYTES}; it is cut off"
    return mac, wrong


def _bodies(body: bytes) -> Iterator[Attempt]:
    """The bodies that this one may have been before somebody changed its bytes."""
    yield "a line break was added at the end of the body", body.removesuffix(b"\n")
    yield "a line break was added at the end of the body", body.removesuffix(b"\r\n")
    yield "blanks were added around the body", body.strip()
    yield "the line break at its end was cut off", body + b"\n"
    yield "line breaks were changed from CRLF to LF", body.replace(b"\n", b"\r\n")
    yield "line breaks were changed from LF to CRLF", body.replace(b"\r\n", b"\n")
    yield "a byte order mark was put in front", body.removeprefix(b"\xef\xbb\xbf")
    yield "the signature is of an empty body: it was read before the body had come", b""
    yield from _reencoded(body)


def _reencoded(body: bytes) -> Iterator[Attempt]:
    what = "the JSON was decoded and encoded again; verify the raw bytes, before any parsing"
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return
    for ascii_only in (False, True):
        for separators in ((",", ":"), (", ", ": ")):
            for sort in (False, True):
                text = json.dumps(
                    value, ensure_ascii=ascii_only, separators=separators, sort_keys=sort
                )
                # PHP and Rails write a slash and the characters of HTML in their own way.
                for spelt in (text, text.replace("/", "\\/"), _html_safe(text)):
                    yield what, spelt.encode(errors="surrogatepass")


def _html_safe(text: str) -> str:
    for char in "<>&":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _other_ways(secret: str, body: bytes) -> Iterator[Attempt]:
    """MACs of this very body, made with the secret in another way."""
    for what, key in _keys(secret):
        yield what, hmac.digest(key, body, "sha256")
    yield "a hash of secret and body, where it must be their HMAC", _hash(secret.encode() + body)
    yield "a hash of the body alone, so no secret was used", _hash(body)


def _keys(secret: str) -> Iterator[Attempt]:
    yield "the key had a line break at its end", secret.encode() + b"\n"
    yield "the key was empty", b""
    prefix, underscore, rest = secret.partition("_")
    if underscore:
        yield f"the key lacked its beginning, {prefix}_", rest.encode()
    decoders: tuple[tuple[str, Callable[[str], bytes]], ...] = (
        ("the key was decoded from hex; it is used as it is written", bytes.fromhex),
        ("the key was decoded from base64; it is used as it is written", base64.b64decode),
    )
    for what, decode in decoders:
        try:
            yield what, decode(secret)
        except ValueError:
            continue


def _mac(secret: str, body: bytes) -> bytes:
    return hmac.digest(secret.encode(), body, "sha256")


def _hash(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()

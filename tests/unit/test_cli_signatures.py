"""``avnu sign`` and ``avnu verify``: right signatures are right, wrong ones are explained."""

import base64
import hashlib
import hmac
import json
from pathlib import Path

import pytest

from avnu.cli.signature_clues import likely_reason, matches
from tests.support.command import Run, runner, told

SECRET = "shpss_70cc5a1eab"
BODY = b'{"id":1,"note":"a/b <c> \xc3\xa9","lines":[{"price":"19.90"}]}'


def mac(body: bytes = BODY, secret: str = SECRET) -> bytes:
    return hmac.digest(secret.encode(), body, "sha256")


def signed(body: bytes = BODY, secret: str = SECRET) -> str:
    return base64.b64encode(mac(body, secret)).decode()


@pytest.fixture
def avnu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    return runner({"SHOPIFY_API_SECRET": SECRET, "SHOPIFY_API_SECRET_PREVIOUS": "the old one"})


def test_sign_and_verify_agree_with_shopify(avnu: Run, tmp_path: Path) -> None:
    # Shopify/shopify-app-js, lib/webhooks/__tests__/validate.test.ts
    run = runner({"SHOPIFY_API_SECRET": "test_secret_key"})
    signature = "B23tXN681gZ0qIWNRrgtzBE9XSDo5yaUu6wfmhu3a7g="
    (tmp_path / "body.json").write_bytes(b'{"foo": "bar"}')
    assert run("sign", "body.json").stdout == signature + "\n"
    result = run("verify", signature, "body.json")
    assert (result.exit_code, result.stdout) == (0, "valid: signed with SHOPIFY_API_SECRET\n")


def test_sign_as_json(avnu: Run) -> None:
    document = {"signature": signed(), "secret": "SHOPIFY_API_SECRET", "body_bytes": len(BODY)}
    assert told(avnu("sign", "--json", stdin=BODY)) == document


def test_the_secret_before_this_one(avnu: Run) -> None:
    result = avnu("verify", signed(secret="the old one"), "--json", stdin=BODY)
    assert result.exit_code == 0
    assert told(result) == {
        "valid": True,
        "secret": "SHOPIFY_API_SECRET_PREVIOUS",
        "reason": "",
        "body_bytes": len(BODY),
    }


def test_a_wrong_one_fails_and_shows_no_secret(avnu: Run) -> None:
    for as_json in ([], ["--json"]):
        result = avnu("verify", signed(secret="another app's"), *as_json, stdin=BODY)
        assert result.exit_code == 1
        assert "another secret" in result.stderr
        assert SECRET not in result.output
        assert "the old one" not in result.output
    assert told(result)["valid"] is False


def test_no_secret_and_nobody_to_ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = runner({})("sign", stdin=BODY)
    assert result.exit_code == 2
    assert "SHOPIFY_API_SECRET is not set" in result.stderr


def test_a_secret_is_never_an_argument(avnu: Run) -> None:
    for command in ("sign", "verify"):
        assert avnu(command, "--secret", SECRET, stdin=BODY).exit_code == 2


def reason(signature: str, body: bytes = BODY) -> str:
    assert not matches(signature, SECRET, body)
    return likely_reason(signature, {"SHOPIFY_API_SECRET": SECRET}, body)


SPELLINGS = {
    mac().hex(): "in hex",
    mac().hex().upper(): "in hex",
    f"sha256={mac().hex()}": "in hex",
    f"sha256={signed()}": "begins with sha256=",
    f" {signed()}": "blanks or quotes",
    f'"{signed()}"': "blanks or quotes",
    signed().rstrip("="): "padding",
    base64.b64encode(mac().hex().encode()).decode(): "of the hex text",
    base64.b64encode(mac()[:20]).decode(): "holds 20 bytes",
    "": "it is empty",
    "no such thing!": "neither base64 nor hex",
    "\x1b[31m é": "neither base64 nor hex",
}


@pytest.mark.parametrize(("signature", "clue"), SPELLINGS.items())
def test_another_spelling_of_the_signature(signature: str, clue: str) -> None:
    assert clue in reason(signature)


def test_the_url_alphabet() -> None:
    body = next(b"%d" % n for n in range(100) if b"-" in base64.urlsafe_b64encode(mac(b"%d" % n)))
    assert "URL alphabet" in reason(base64.urlsafe_b64encode(mac(body)).decode(), body)


VALUE = json.loads(BODY)
CHANGED = {
    "added at the end": BODY + b"\n",
    "blanks were added": b"  " + BODY,
    "byte order mark": b"\xef\xbb\xbf" + BODY,
    "decoded and encoded": json.dumps(VALUE).encode(),
    "raw bytes": json.dumps(VALUE, indent=2).encode(),
}


@pytest.mark.parametrize(("clue", "body"), CHANGED.items())
def test_a_body_that_was_changed_on_the_way(clue: str, body: bytes) -> None:
    assert clue in reason(signed(), body)


SENT = [
    b'{"url":"https:\\/\\/a.example\\/","n":1}',  # as PHP writes slashes
    b'{"url":"\\u003ca\\u003e \\u0026","n":1}',  # as Rails writes HTML
    b'{"name":"Zo\\u00eb"}',
    b'{"name": "Zo\xc3\xab", "n": 2}',
]


@pytest.mark.parametrize("sent", SENT)
def test_json_of_another_writer(sent: bytes) -> None:
    again = json.dumps(json.loads(sent), indent=1).encode()
    assert "decoded and encoded again" in reason(signed(sent), again)


def test_line_breaks() -> None:
    assert "CRLF to LF" in reason(signed(b"a\r\nb"), b"a\nb")
    assert "LF to CRLF" in reason(signed(b"a\nb"), b"a\r\nb")
    assert "cut off" in reason(signed(b"a\n"), b"a")
    assert "empty body" in reason(signed(b""), b"a")


KEYS = {
    "line break": SECRET + "\n",
    "empty": "",
    "lacked its beginning, shpss_": SECRET.removeprefix("shpss_"),
}


@pytest.mark.parametrize(("clue", "key"), KEYS.items())
def test_the_secret_used_in_another_way(clue: str, key: str) -> None:
    assert clue in reason(signed(secret=key))


def test_keys_that_were_decoded() -> None:
    for key, raw, clue in (
        ("00ff00ff", bytes.fromhex("00ff00ff"), "from hex"),
        ("c2VjcmV0IQ==", b"secret!", "from base64"),
    ):
        signature = base64.b64encode(hmac.digest(raw, BODY, "sha256")).decode()
        assert clue in likely_reason(signature, {"it": key}, BODY)


def test_hashes() -> None:
    for text, clue in ((SECRET.encode() + BODY, "HMAC"), (BODY, "no secret")):
        assert clue in reason(base64.b64encode(hashlib.sha256(text).digest()).decode())


def test_a_body_that_is_no_text() -> None:
    assert "another secret" in reason(signed(secret="x"), bytes(range(256)))
    assert "another secret" in reason(signed(secret="x"), b"[" * 100_000)

"""``avnu verify``: is this signature right, with which secret, and if not, why not."""

from typing import IO

import click

from avnu.cli.output import json_option, show_json, write
from avnu.cli.secrets_asked import ask_option, body_argument, known_secrets
from avnu.cli.signature_clues import likely_reason, matches
from avnu.errors import CheckFailed


@click.command()
@click.argument("signature")
@body_argument
@ask_option
@json_option
def verify(signature: str, body: IO[bytes], ask_secret: bool, as_json: bool) -> None:
    """Check SIGNATURE (the X-Shopify-Hmac-Sha256 header) against a body from FILE or stdin.

    Says which secret it was made with. If none, it tries the usual mistakes: a body that was
    decoded and encoded again, hex for base64, the app's other values for its secret.

    Exit code 1: the receiver would refuse it.
    """
    secrets = known_secrets(ask_secret)
    content = body.read()
    name = next((name for name, key in secrets.items() if matches(signature, key, content)), None)
    reason = "" if name else likely_reason(signature, secrets, content)
    if as_json:
        show_json(
            {"valid": bool(name), "secret": name, "reason": reason, "body_bytes": len(content)}
        )
    elif name:
        write(f"valid: signed with {name}")
    if not name:
        raise CheckFailed(f"not valid: {reason}")

"""``avnu sign``: the signature that Shopify would put on a body."""

from typing import IO

import click

from avnu.cli.output import json_option, show_json, write
from avnu.cli.secrets_asked import ask_option, body_argument, known_secrets


@click.command()
@body_argument
@ask_option
@json_option
def sign(body: IO[bytes], ask_secret: bool, as_json: bool) -> None:
    """Print the X-Shopify-Hmac-Sha256 of a body, read byte for byte from FILE or stdin.

    Signed with SHOPIFY_API_SECRET, or with a secret that it asks for.
    """
    # Late: the sandbox is no part of most commands.
    from avnu.sandbox.request import sign as signature_of

    name, secret = next(iter(known_secrets(ask_secret).items()))
    content = body.read()
    signature = signature_of(secret, content)
    if as_json:
        show_json({"signature": signature, "secret": name, "body_bytes": len(content)})
    else:
        write(signature)

"""The receiver of the plain peer: verify the raw bytes, deduplicate, `delay`, answer 200."""

import base64
import hashlib
import hmac
import os

import redis
from flask import Flask, request

from tests.bench.plain_celery.jobs import handle

DEDUP_SECONDS = 86400


def create_app() -> Flask:
    """The application, its secret and its Redis port taken from the environment."""
    app = Flask(__name__)
    secret = os.environ["SHOPIFY_API_SECRET"].encode()
    seen = redis.Redis(host="127.0.0.1", port=int(os.environ["REDIS_PORT"]), db=2)

    @app.post("/webhooks/shopify")
    def webhook() -> tuple[str, int]:
        body = request.get_data()
        wanted = base64.b64encode(hmac.digest(secret, body, hashlib.sha256)).decode()
        if not hmac.compare_digest(wanted, request.headers.get("X-Shopify-Hmac-Sha256", "")):
            return "", 401
        shop = request.headers["X-Shopify-Shop-Domain"]
        webhook_id = request.headers["X-Shopify-Webhook-Id"]
        if not seen.set(f"dedup:{shop}:{webhook_id}", 1, ex=DEDUP_SECONDS, nx=True):
            return "", 200
        handle.delay(shop, request.headers["X-Shopify-Topic"], webhook_id, body.decode())
        return "", 200

    return app

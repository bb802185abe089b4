"""``POST /admin/oauth/access_token``. To add a grant: a method, and a row in ``_grants``.

The answers' words are Shopify's: ``application_cannot_be_found`` for an unknown client id,
``invalid_client`` for a wrong secret, ``invalid_grant`` for a refresh token of no more use.
"""

from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

import msgspec

from avnu.sandbox.admin.answer import Answer, refused, told
from avnu.sandbox.admin.call import Call
from avnu.sandbox.admin.tally import Tally
from avnu.sandbox.admin.tenants import Tenants
from avnu.sandbox.admin.tokens import GrantInvalid, Issued, TokenDesk
from avnu.secret import Secret

Asked = Mapping[str, str]


class _Refusal(Exception):
    """The code word of the answer."""


class TokenEndpoint:
    """Gives out tokens to the app that knows its own secret."""

    def __init__(
        self, desk: TokenDesk, tenants: Tenants, tally: Tally, client_id: str, secret: Secret
    ) -> None:
        self._desk = desk
        self._tenants = tenants
        self._tally = tally
        self._client_id = client_id
        self._secret = secret
        self._grants: Mapping[str, Callable[[str, Asked], Issued]] = {
            "authorization_code": self._by_code,
            "urn:ietf:params:oauth:grant-type:token-exchange": self._by_session_token,
            "refresh_token": self._by_refresh_token,
            "client_credentials": self._by_credentials,
        }

    def answer(self, call: Call) -> Answer:
        """The tokens, or 400 with a code word. The exchange is done when this returns."""
        asked = _asked(call)
        grant = asked.get("grant_type") or "authorization_code"
        try:
            self._tenants.of(call.shop)
        except KeyError:
            return refused(404, "Not Found")
        try:
            issued = self._issue(grant, call.shop, asked)
        except _Refusal as fault:
            self._tally.exchanged("refused")
            return _no(str(fault))
        self._tally.exchanged(grant.rpartition(":")[2])
        return told(200, issued, "ok")

    def _issue(self, grant: str, shop: str, asked: Asked) -> Issued:
        if asked.get("client_id") != self._client_id:
            raise _Refusal("application_cannot_be_found")
        if Secret(asked.get("client_secret", "")) != self._secret:
            raise _Refusal("invalid_client")
        if grant not in self._grants:
            raise _Refusal("unsupported_grant_type")
        return self._grants[grant](shop, asked)

    def _by_code(self, shop: str, asked: Asked) -> Issued:
        """Any code that is not empty, as nobody is there to approve."""
        if not asked.get("code"):
            raise _Refusal("invalid_request")
        return self._install(shop, asked)

    def _by_session_token(self, shop: str, asked: Asked) -> Issued:
        if not asked.get("subject_token"):
            raise _Refusal("invalid_subject_token")
        if asked.get("requested_token_type", "").endswith(":online-access-token"):
            raise _Refusal("invalid_request")  # a user's token, which nobody needs here
        return self._install(shop, asked)

    def _install(self, shop: str, asked: Asked) -> Issued:
        self._tenants.of(shop).standing.uninstalled = False
        return self._desk.issue(shop, expiring=asked.get("expiring") in ("1", "true", "True"))

    def _by_refresh_token(self, shop: str, asked: Asked) -> Issued:
        if self._tenants.of(shop).standing.uninstalled:
            raise _Refusal("invalid_grant")
        try:
            return self._desk.refresh(shop, asked.get("refresh_token", ""))
        except GrantInvalid:
            raise _Refusal("invalid_grant") from None

    def _by_credentials(self, shop: str, _asked: Asked) -> Issued:
        if self._tenants.of(shop).standing.uninstalled:
            raise _Refusal("app_not_installed")
        return self._desk.issue_for_credentials(shop)


def _asked(call: Call) -> Asked:
    """The fields of a JSON or form body, as text; none of what cannot be read."""
    if "form-urlencoded" in call.headers.get("content-type", ""):
        return dict(parse_qsl(call.body.decode("utf-8", "replace")))
    try:
        fields = msgspec.json.decode(call.body, type=dict[str, str | int | float | bool | None])
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return {name: str(value) for name, value in fields.items() if value is not None}


def _no(word: str) -> Answer:
    texts = {"invalid_grant": "This request requires an active refresh_token"}
    told_more = {"error_description": texts[word]} if word in texts else {}
    return told(400, {"error": word, **told_more}, "http_400")

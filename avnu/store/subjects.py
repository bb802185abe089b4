"""Who a request is about, without saying who: an HMAC of the customer's id, e-mail or phone.

Nobody without Avnu's own key can tell from a subject whom it names, nor try out all ids or
addresses until one fits. It is another in each shop, so it follows nobody from shop to shop.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable

from avnu.store.database import Store
from avnu.store.own_keys import own_key
from avnu.store.vault import Vault

KEY = "subjects"
_KEY_BYTES = 32
_NO_DIGITS = re.compile(r"\D")


class Subjects:
    """Makes subjects: 64 hexadecimal digits. The key is read, or made, when first needed.

    Never inside a transaction, as SQLite has one writer. Raises what ``own_key`` raises.
    """

    def __init__(self, store: Store, vault: Vault) -> None:
        self._store = store
        self._vault = vault
        self._key = b""

    def of_id(self, shop: str, customer_id: int) -> str:
        """By Shopify's id of the customer."""
        return self._subject(shop, "id", str(customer_id))

    def of_ids(self, shop: str, customer_ids: Iterable[int]) -> dict[int, str]:
        """By the ids of several."""
        return {one: self.of_id(shop, one) for one in set(customer_ids)}

    def of_email(self, shop: str, email: str) -> str:
        """By an e-mail address, however it is spelt in capitals."""
        return self._subject(shop, "email", email_of(email))

    def of_phone(self, shop: str, phone: str) -> str:
        """By a phone number, however it is grouped."""
        return self._subject(shop, "phone", digits_of(phone))

    def _subject(self, shop: str, kind: str, value: str) -> str:
        if not self._key:
            fresh = secrets.token_bytes(_KEY_BYTES)
            self._key = own_key(self._store, self._vault, KEY, fresh)
        # No part holds a NUL, so no two triples read the same.
        text = f"{shop}\0{kind}\0{value}".encode()
        return hmac.new(self._key, text, hashlib.sha256).hexdigest()


def email_of(text: str) -> str:
    """An e-mail address as it is compared."""
    return text.strip().casefold()


def digits_of(text: str) -> str:
    """The digits of a phone number, which are what is compared."""
    return _NO_DIGITS.sub("", text)

"""Tokens at rest: sealed with a key from the settings, and bound to the place they stand in.

Fernet (AES-128-CBC with HMAC-SHA256) says nothing about where a ciphertext belongs, so the shop and
the column are sealed inside: whoever swaps two rows, or two columns, has two values that do not
open. To change the key with no gap: add the new one **last** everywhere, then move it first
everywhere, then ``avnu shops rotate-keys``, then remove the old one. Each process can read
whatever the others write at each of these steps.
"""

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from avnu.errors import SettingsInvalid, TokenUnreadable
from avnu.secret import Secret
from avnu.settings import Settings

_MAKE_ONE = "make one with: openssl rand -base64 32 | tr '+/' '-_'"


class _Sealed(msgspec.Struct, frozen=True, array_like=True):
    shop: str
    column: str
    text: str


class Vault:
    """Seals with the first key, opens with any. Raises SettingsInvalid for a key that is none."""

    def __init__(self, keys: tuple[Secret, ...]) -> None:
        fernets = [_fernet(key, number) for number, key in enumerate(keys, start=1)]
        if not fernets:
            raise SettingsInvalid([f"TOKEN_ENCRYPTION_KEYS is not set; {_MAKE_ONE}"])
        self._newest = fernets[0]
        self._all = MultiFernet(fernets)

    def seal(self, shop: str, column: str, text: Secret) -> str:
        """The text, sealed for this shop and column."""
        inside = msgspec.json.encode(_Sealed(shop, column, text.reveal()))
        return self._all.encrypt(inside).decode()

    def open(self, shop: str, column: str, sealed: str) -> Secret:
        """The text that was sealed for this shop and column. Raises TokenUnreadable."""
        where = f"the {column.replace('_', ' ')} of {shop} cannot be read"
        try:
            inside = msgspec.json.decode(self._all.decrypt(sealed.encode()), type=_Sealed)
        except (InvalidToken, msgspec.DecodeError):
            # Without its cause: an error's context is printed as well, and nothing in it helps.
            raise TokenUnreadable(
                f"{where}: no key of TOKEN_ENCRYPTION_KEYS opens it; add the key it was sealed with"
            ) from None
        if (inside.shop, inside.column) != (shop, column):
            raise TokenUnreadable(f"{where}: it was sealed for another shop or column")
        return Secret(inside.text)

    def is_newest(self, sealed: str) -> bool:
        """True when the first key has sealed it."""
        try:
            self._newest.decrypt(sealed.encode())
        except InvalidToken:
            return False
        return True

    def __repr__(self) -> str:
        return "Vault(***)"


def require_vault(settings: Settings) -> Vault:
    """The vault of these settings. Raises SettingsInvalid, with what to do, when it has no key."""
    return Vault(settings.token_encryption_keys)


def _fernet(key: Secret, number: int) -> Fernet:
    try:
        return Fernet(key.reveal())
    except ValueError:
        raise SettingsInvalid(
            [f"TOKEN_ENCRYPTION_KEYS: number {number} is not a Fernet key; {_MAKE_ONE}"]
        ) from None

"""Capabilities as the gateway mints them, and every way we know to make one that it did not."""

import hashlib
import hmac
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from libs.common.clock import utc_now
from libs.common.ids import new_id
from libs.contracts.capability import Claims, Minter
from libs.contracts.ids import ApiKeyId, OrganizationId, PatientId, SessionId
from libs.contracts.services import SERVICES

LIFETIME = timedelta(minutes=30)
FIELDS = 11
MAC = 10
# Characters that a parser might take for others: full-width and Arabic digits, a Cyrillic a, joiners, line ends.
ODD = "0123456789abcdefgz|,-_ \t\r\n%'\"\\;:/\u0660\uff10\uff11\uff5c\u0430\u200b\u202e\u0301\U0001d7d8\u2028"


def all_scopes() -> Sequence[str]:
    """Return the widest scopes there are."""
    return [f"{service}:write" for service in SERVICES]


def claims_of(organization_id: OrganizationId, *scopes: str) -> Claims:
    """Return claims of an organization, bound to nobody."""
    return Claims(organization_id, f"user:{new_id()}", frozenset(scopes), utc_now() + LIFETIME, new_id())


class Forger:
    """Knows two capabilities that are in force, and the key's id, but not the key; draws forgeries by a seed."""

    def __init__(self, minter: Minter, key: bytes, seed: int) -> None:
        self._random = random.Random(seed)
        self._minter = minter
        self._key = key
        self.valid = [minter.mint(claims) for claims in _shapes()]
        self._others = [minter.mint(claims) for claims in _shapes()]
        self._kinds: list[Callable[[str], str]] = [
            self._a_character_changed, self._a_character_inserted, self._a_character_removed, self._cut,
            self._another_macs, self._a_field_of_another, self._wider_scopes, self._wrong_key, self._not_hmac,
            self._expired, self._mac_in_another_shape, self._odd_field, self._another_number_of_fields,
            self._longer_life, self._nothing_like_one,
        ]  # fmt: skip
        self.kinds = len(self._kinds)

    def forgeries(self, wanted: int) -> Iterator[str]:
        """Draw forgeries: first every position of every shape in turn, then at random until there are enough."""
        known = {*self.valid, *self._others}
        made = 0
        for forged in self._drawn():
            # PostgreSQL's text holds no NUL, so none can arrive.
            if forged in known or "\x00" in forged:
                continue
            yield forged
            made += 1
            if made == wanted:
                return

    def _drawn(self) -> Iterator[str]:
        for token in self.valid:
            for position in range(len(token)):
                yield token[:position] + self._other(token[position]) + token[position + 1 :]
                yield token[:position] + token[position + 1 :]
                yield token[:position]
        while True:
            for kind in self._kinds:
                yield kind(self._random.choice(self.valid))

    def _other(self, character: str) -> str:
        return self._random.choice([odd for odd in ODD if odd != character])

    def _a_character_changed(self, token: str) -> str:
        position = self._random.randrange(len(token))
        return token[:position] + self._other(token[position]) + token[position + 1 :]

    def _a_character_inserted(self, token: str) -> str:
        position = self._random.randrange(len(token) + 1)
        return token[:position] + self._random.choice(ODD) + token[position:]

    def _a_character_removed(self, token: str) -> str:
        position = self._random.randrange(len(token))
        return token[:position] + token[position + 1 :]

    def _cut(self, token: str) -> str:
        return self._random.choice((token[self._random.randrange(1, 99) :], token[: -self._random.randrange(1, 99)]))

    def _another_macs(self, token: str) -> str:
        return f"{token.rpartition('|')[0]}|{self._random.choice(self._others).rpartition('|')[2]}"

    def _a_field_of_another(self, token: str) -> str:
        mine, other = token.split("|"), self._random.choice(self._others).split("|")
        for position in self._random.sample(range(2, MAC), self._random.randrange(1, 4)):
            mine[position] = other[position]
        return "|".join(mine)

    def _wider_scopes(self, token: str) -> str:
        return self._with(token, 7, ",".join(sorted({*token.split("|")[7].split(","), self._random.choice(_WANTED)})))

    def _longer_life(self, token: str) -> str:
        return self._with(token, 2, str(int(token.split("|")[2]) + self._random.randrange(1, 10**9)))

    def _wrong_key(self, token: str) -> str:
        flipped = bytearray(self._key)
        flipped[self._random.randrange(len(flipped))] ^= 1 << self._random.randrange(8)
        key = self._random.choice((b"", bytes(32), bytes(flipped), self._random.randbytes(32), self._key[:-1]))
        message = token.rpartition("|")[0]
        return f"{message}|{hmac.new(key, message.encode(), hashlib.sha256).hexdigest()}"

    def _not_hmac(self, token: str) -> str:
        message = token.rpartition("|")[0].encode()
        mac = self._random.choice(
            (
                hashlib.sha256(message).hexdigest(),
                hashlib.sha256(self._key + message).hexdigest(),
                hashlib.sha256(message + self._key).hexdigest(),
                hmac.new(self._key, message, hashlib.sha512).hexdigest()[:64],
                hmac.new(self._key, message + b"|", hashlib.sha256).hexdigest(),
                hmac.new(self._key, message[3:], hashlib.sha256).hexdigest(),
                "0" * 64,
            )
        )
        return f"{message.decode()}|{mac}"

    def _expired(self, _: str) -> str:
        past = utc_now() - timedelta(seconds=self._random.randrange(1, 10**8))
        return self._minter.mint(replace(self._random.choice(_shapes()), expires_at=past))

    def _mac_in_another_shape(self, token: str) -> str:
        message, _, mac = token.rpartition("|")
        shapes = (mac.upper(), f" {mac}", f"{mac}\n", f"\\x{mac}", mac[:-2], mac + "00", mac[::-1], mac[:32] + "0" * 32)
        shaped = self._random.choice([shape for shape in shapes if shape != mac])
        return f"{message}|{shaped}"

    def _odd_field(self, token: str) -> str:
        odd = ("", "-", "+1", "NaN", "infinity", "9" * 40, "NULL", "v1", "*", "' or true --", "\uff19" * 10, "\u202e")
        position = self._random.randrange(FIELDS)
        return self._with(token, position, self._random.choice(odd))

    def _another_number_of_fields(self, token: str) -> str:
        parts = token.split("|")
        position = self._random.randrange(len(parts))
        more = self._random.random() < 0.5
        return "|".join([*parts[:position], *(["x", parts[position]] if more else []), *parts[position + 1 :]])

    def _nothing_like_one(self, token: str) -> str:
        return self._random.choice(("", "|" * 10, token * 20, token + "0" * 3000, token.replace("|", "\uff5c"), "v1"))

    def _with(self, token: str, position: int, value: str) -> str:
        parts = token.split("|")
        parts[position] = value
        return "|".join(parts)


_WANTED = (*all_scopes(), "*", "admin", "ctx:write", "consent:write\n")


def _shapes() -> list[Claims]:
    wide = claims_of(OrganizationId(new_id()), *all_scopes())
    return [
        wide,
        replace(wide, organization_id=OrganizationId(new_id()), scopes=frozenset({"chat:read"})),
        replace(wide, patient_id=PatientId(new_id()), scopes=frozenset({"embedder:read", "chat:write"})),
        replace(
            wide, patient_id=PatientId(new_id()), session_id=SessionId(new_id()), api_key_id=ApiKeyId("4fGh7Jk2MnPq")
        ),
    ]

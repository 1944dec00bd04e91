"""The rules of the gateway, without any I/O."""

import re
import secrets
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import TypeAdapter, ValidationError

from libs.common.errors import FORBIDDEN, INVALID_REQUEST, AppError, ProblemType
from libs.contracts.ids import ApiKeyId, OrganizationId, PatientId
from services.gateway.access.patient_tokens import AUDIENCE, TokenSigner
from services.gateway.domain import (
    Access,
    ApiKey,
    KeySpec,
    PatientToken,
    Principal,
    Rotation,
    Scope,
    is_last_admin,
    may,
    may_read_words,
    may_see_receipt,
    require_granted,
    require_right_to_record,
)
from services.gateway.key_format import PATTERN, new_key, read_key
from services.gateway.settings import HexSeed

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
ORGANIZATION = OrganizationId(UUID(int=1))
KEY_ID = ApiKeyId("abcdefABCDEF")


def _principal(*scopes: Scope, patient: bool = False) -> Principal:
    patient_id = PatientId(UUID(int=5)) if patient else None
    return Principal(ORGANIZATION, KEY_ID, "test", frozenset(scopes), patient_id)


def _key(name: str, *scopes: Scope, revoked: bool = False) -> ApiKey:
    return ApiKey(
        ApiKeyId(name), ORGANIZATION, name, "live", frozenset(scopes), "abcd", NOW, revoked_at=NOW if revoked else None
    )


def test_words_are_given_to_a_key_that_may_read_them_and_to_no_other() -> None:
    assert [scope for scope in Scope if may_read_words(_principal(scope))] == [Scope.TRANSCRIPTS_READ]


def test_the_receipt_of_a_patient_is_seen_with_admin_only_and_that_of_a_session_with_any_key() -> None:
    assert [scope for scope in Scope if may_see_receipt(_principal(scope), of_a_session=False)] == [Scope.ADMIN]
    assert all(may_see_receipt(_principal(scope), of_a_session=True) for scope in Scope)


@pytest.mark.parametrize("is_witnessed", [True, False])
def test_a_consent_is_recorded_with_the_scope_for_having_a_witness_or_none(is_witnessed: bool) -> None:
    right, wrong = Scope.CONSENT_WITNESSED, Scope.CONSENT_WRITE
    if not is_witnessed:
        right, wrong = wrong, right

    require_right_to_record(_principal(right), is_witnessed=is_witnessed)

    with pytest.raises(AppError) as refused:
        require_right_to_record(_principal(wrong), is_witnessed=is_witnessed)
    assert refused.value.problem is FORBIDDEN


def test_a_new_key_has_the_published_shape_and_reads_back() -> None:
    key = new_key("live", secrets.choice)

    assert re.fullmatch(PATTERN, key.text)
    assert read_key(key.text) == key
    assert key.secret not in repr(key)


@pytest.mark.parametrize("position", [4, 10, 22, 30, -7, -1])
def test_a_key_with_one_character_changed_is_garbage_without_any_look_up(position: int) -> None:
    text = list(new_key("test", secrets.choice).text)
    text[position] = "x" if text[position] != "x" else "y"

    assert read_key("".join(text)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "trk_",
        "trk_live_short_x",
        new_key("live", secrets.choice).text + "0",
        " " + new_key("live", secrets.choice).text,
    ],
)
def test_what_is_no_key_is_not_read(text: str) -> None:
    assert read_key(text) is None


def test_a_digest_needs_the_pepper() -> None:
    key = new_key("live", secrets.choice)

    assert key.digest(b"one") != key.digest(b"other")


def test_any_of_a_routes_scopes_opens_it() -> None:
    wanted = frozenset({Scope.ADMIN, Scope.USERS})

    assert may(_principal(Scope.USERS), Access.KEY, wanted)
    assert not may(_principal(Scope.SESSIONS_READ), Access.KEY, wanted)
    assert may(_principal(), Access.KEY, frozenset())


def test_a_patients_token_opens_chat_and_nothing_else() -> None:
    patient = _principal(patient=True)

    assert may(patient, Access.KEY_OR_PATIENT, frozenset({Scope.CHAT_DELEGATE}))
    assert not may(patient, Access.KEY, frozenset())


def test_no_key_makes_a_key_that_may_do_more_than_itself() -> None:
    with pytest.raises(AppError) as refused:
        require_granted(_principal(Scope.ADMIN), KeySpec("x", frozenset({Scope.ADMIN, Scope.CHAT_DELEGATE})), NOW)

    assert refused.value.problem is FORBIDDEN


@pytest.mark.parametrize(
    ("own_end", "wanted_end", "problem"),
    [
        (None, NOW, INVALID_REQUEST),
        (NOW + HOUR, None, FORBIDDEN),
        (NOW + HOUR, NOW + 2 * HOUR, FORBIDDEN),
    ],
)
def test_no_key_makes_a_key_that_has_expired_or_lasts_longer_than_itself(
    own_end: datetime | None, wanted_end: datetime | None, problem: ProblemType
) -> None:
    maker = replace(_principal(Scope.ADMIN), expires_at=own_end)

    with pytest.raises(AppError) as refused:
        require_granted(maker, KeySpec("x", frozenset({Scope.ADMIN}), wanted_end), NOW)

    assert refused.value.problem is problem


def test_a_replaced_key_ends_with_its_overlap_and_never_later_than_it_would_have() -> None:
    key = _key("old", Scope.ADMIN)

    assert Rotation(HOUR).old_ends_at(key, NOW) == NOW + HOUR
    assert Rotation(HOUR).old_ends_at(replace(key, expires_at=NOW + HOUR / 2), NOW) == NOW + HOUR / 2


def test_a_key_opens_nothing_from_the_moment_it_expires() -> None:
    key = replace(_key("k"), expires_at=NOW)

    assert key.is_in_force(NOW - timedelta(microseconds=1))
    assert not key.is_in_force(NOW)
    assert not _key("k", revoked=True).is_in_force(NOW)


def test_a_key_that_expires_does_not_count_as_the_other_admin_key() -> None:
    last, passing = _key("last", Scope.ADMIN), replace(_key("passing", Scope.ADMIN), expires_at=NOW + HOUR)

    assert is_last_admin(last, [last, passing])
    assert not is_last_admin(passing, [last, passing])


def test_the_last_admin_key_is_the_one_without_another_that_is_active() -> None:
    last, revoked, reader = (
        _key("last", Scope.ADMIN),
        _key("revoked", Scope.ADMIN, revoked=True),
        _key("reader", Scope.SESSIONS_READ),
    )

    assert is_last_admin(last, [last, revoked, reader])
    assert not is_last_admin(last, [last, _key("other", Scope.ADMIN)])
    assert not is_last_admin(reader, [reader])


def _token(expires_at: datetime = NOW + timedelta(minutes=15)) -> PatientToken:
    return PatientToken(UUID(int=9), ORGANIZATION, PatientId(UUID(int=5)), KEY_ID, expires_at)


def test_a_patients_token_reads_back_until_it_expires() -> None:
    now = NOW
    signer = TokenSigner(bytes(32), lambda: now)
    text = signer.sign(_token())

    in_time = signer.read(text)
    now = NOW + timedelta(minutes=15)
    late = signer.read(text)

    assert (in_time, late) == (_token(), None)


@pytest.mark.parametrize("seed", [b"\x01" * 32, None])
def test_another_gateways_token_is_nobodys(seed: bytes | None) -> None:
    text = TokenSigner(bytes(32), lambda: NOW).sign(_token())

    assert TokenSigner(seed, lambda: NOW).read(text) is None


def test_an_unsigned_token_or_one_for_another_audience_is_nobodys() -> None:
    signer = TokenSigner(bytes(32), lambda: NOW)
    claims = {
        "sub": str(UUID(int=5)), "org": str(ORGANIZATION), "key": KEY_ID, "jti": str(UUID(int=9)),
        "iat": NOW, "exp": NOW + timedelta(minutes=5),
    }  # fmt: skip
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))

    assert signer.read(jwt.encode(claims | {"aud": AUDIENCE}, "", algorithm="none")) is None
    assert signer.read(jwt.encode(claims | {"aud": "else"}, key, algorithm="EdDSA")) is None
    assert signer.read(jwt.encode(claims | {"aud": AUDIENCE}, key, algorithm="EdDSA")) is not None


@pytest.mark.parametrize("size_bytes", [16, 31, 33, 64])
def test_a_seed_of_any_other_length_than_ed25519_has_is_refused_and_told_by_none_of_its_digits(size_bytes: int) -> None:
    with pytest.raises(ValidationError, match="bytes in hex: openssl rand -hex 32") as refused:
        TypeAdapter(HexSeed).validate_python("ab" * size_bytes)

    assert all("abab" not in error["msg"] for error in refused.value.errors())


def test_a_seed_of_thirty_two_bytes_is_taken_whole() -> None:
    assert TypeAdapter(HexSeed).validate_python("ab" * 32).get_secret_value() == "ab" * 32

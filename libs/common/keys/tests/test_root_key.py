"""One promise for all places a root key can be, held by one suite against servers that speak their wire formats."""

import base64
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from libs.common.errors import UNAVAILABLE, UPSTREAM_REFUSED, AppError
from libs.common.keys.key_wrapping import new_key, write_root_key
from libs.common.keys.root_key import RootKey, RootKeySettings, root_key
from libs.common.keys.sigv4 import Credentials, Scope, Unsigned, sign
from libs.devstack.vendors import aws_kms, transit
from libs.devstack.vendors.asgi_server import serve
from libs.devstack.vendors.aws_kms import KEY_ARN, REGION, KmsFake
from libs.devstack.vendors.faults import Fault, Faults
from libs.devstack.vendors.transit import TransitFake

CONTEXT = b"tenant-key\x1f0192"
CONTEXT_NAME = "some-product"
UNSET: dict[str, Any] = {
    name: field.default for name, field in RootKeySettings.model_fields.items() if not field.is_required()
} | {"aws_kms_context_name": CONTEXT_NAME}  # the environment of whoever runs the tests says nothing here


def settings(**given: Any) -> RootKeySettings:
    return RootKeySettings(**(UNSET | given))


@dataclass
class World:
    """The servers a root key may be in, with their faults, and the settings that lead there."""

    kms: KmsFake
    transit: TransitFake
    faults: dict[str, Faults]
    given: dict[str, dict[str, Any]]

    @asynccontextmanager
    async def key(self, provider: str, *others: str, **more: Any) -> AsyncIterator[RootKey]:
        given: dict[str, Any] = {"root_key_provider": provider}
        for name in (provider, *others):
            given |= self.given[name]
        made = root_key(settings(**(given | more)))
        try:
            yield made
        finally:
            await made.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with _world(tmp_path) as made:
        yield made


@contextmanager
def _world(folder: Path) -> Iterator[World]:
    kms, vault = KmsFake(), TransitFake()
    faults = {"aws_kms": Faults(kms.app()), "transit": Faults(vault.app())}
    write_root_key(folder / "root.key")
    with serve(faults["aws_kms"]) as kms_url, serve(faults["transit"]) as vault_url:
        given: dict[str, dict[str, Any]] = {
            "file": {"root_key_file": folder / "root.key"},
            "aws_kms": {
                "aws_kms_key_id": KEY_ARN,
                "aws_kms_endpoint": kms_url,
                "aws_region": REGION,
                "aws_access_key_id": aws_kms.ACCESS_KEY_ID,
                "aws_secret_access_key": aws_kms.SECRET_ACCESS_KEY,
            },
            "transit": {"transit_key_name": transit.KEY, "vault_addr": vault_url, "vault_token": transit.TOKEN},
        }
        yield World(kms, vault, faults, given)


async def _refusal(key: RootKey, wrapped: bytes, context: bytes = CONTEXT) -> AppError:
    with pytest.raises(AppError) as caught:
        await key.unwrap(wrapped, context)
    return caught.value


PROVIDERS = pytest.mark.parametrize("provider", ["file", "aws_kms", "transit"])
REMOTE = pytest.mark.parametrize("provider", ["aws_kms", "transit"])


@PROVIDERS
async def test_what_is_wrapped_opens_again_and_only_for_what_it_is_for(world: World, provider: str) -> None:
    async with world.key(provider) as key:
        wrapped = await key.wrap(b"secret", CONTEXT)

        assert await key.unwrap(wrapped, CONTEXT) == b"secret"
        assert b"secret" not in wrapped
        for bad, context in (
            (wrapped, CONTEXT + b"x"),
            (wrapped[:-9] + b"AAAAA" + wrapped[-4:], CONTEXT),
            (wrapped[:1], CONTEXT),
            (wrapped[:20], CONTEXT),
            (b"", CONTEXT),
            (b"\xff" + wrapped[1:], CONTEXT),
        ):
            assert (await _refusal(key, bad, context)).problem is UPSTREAM_REFUSED


@PROVIDERS
async def test_a_proof_at_the_start_passes_and_the_health_page_says_which_root_it_is(
    world: World, provider: str
) -> None:
    async with world.key(provider) as key:
        await key.ready()

        assert key.details == {"root_key": provider}


async def test_a_transit_key_that_ignores_what_a_key_is_for_is_found_out(world: World) -> None:
    world.transit.derived = False

    async with world.key("transit") as key:
        with pytest.raises(AppError) as caught:
            await key.ready()

    assert caught.value.facts["reason"] == "no-context"


@PROVIDERS
async def test_an_operator_can_move_to_another_root_and_the_old_one_still_opens(world: World, provider: str) -> None:
    async with world.key("file") as old:
        wrapped = await old.wrap(b"secret", CONTEXT)

    async with world.key(provider, "file") as key:
        again = await key.wrap(await key.unwrap(wrapped, CONTEXT), CONTEXT)
        assert key.label_of(wrapped) == "file"
        assert key.label_of(again) == provider

    async with world.key(provider) as alone:
        assert await alone.unwrap(again, CONTEXT) == b"secret"
        if provider != "file":
            assert (await _refusal(alone, wrapped)).facts["reason"] == "no-root"


@REMOTE
async def test_a_new_version_of_the_key_wraps_and_older_ones_still_open(world: World, provider: str) -> None:
    async with world.key(provider) as key:
        before = await key.wrap(b"secret", CONTEXT)
        (world.kms if provider == "aws_kms" else world.transit).rotate()
        after = await key.wrap(b"secret", CONTEXT)

        assert await key.unwrap(before, CONTEXT) == await key.unwrap(after, CONTEXT) == b"secret"


async def test_a_version_of_the_transit_key_that_was_destroyed_opens_nothing(world: World) -> None:
    async with world.key("transit") as key:
        before = await key.wrap(b"secret", CONTEXT)
        world.transit.rotate()
        world.transit.min_decryption_version = 2

        assert (await _refusal(key, before)).problem is UPSTREAM_REFUSED


async def test_a_key_in_aws_that_retires_still_opens(world: World) -> None:
    newer = KEY_ARN.replace("fake-1", "fake-2")
    world.kms.keys[newer] = [new_key()]
    async with world.key("aws_kms") as key:
        before = await key.wrap(b"secret", CONTEXT)

    async with world.key("aws_kms", aws_kms_key_id=newer, aws_kms_retiring_key_id=KEY_ARN) as key:
        after = await key.wrap(b"secret", CONTEXT)

        assert [await key.unwrap(one, CONTEXT) for one in (before, after)] == [b"secret", b"secret"]
    async with world.key("aws_kms", aws_kms_key_id=newer) as key:
        assert (await _refusal(key, before)).facts["reason"] == "IncorrectKeyException"


async def test_aws_is_told_what_a_key_is_for_and_nothing_else(world: World) -> None:
    async with world.key("aws_kms") as key:
        await key.unwrap(await key.wrap(b"secret", CONTEXT), CONTEXT)

    context = {CONTEXT_NAME: "tenant-key%1F0192"}

    assert world.kms.seen == [("Encrypt", context), ("Decrypt", context)]


async def test_what_aws_wrapped_under_another_context_name_does_not_open(world: World) -> None:
    async with world.key("aws_kms", aws_kms_context_name="another-product") as key:
        wrapped = await key.wrap(b"secret", CONTEXT)

    async with world.key("aws_kms") as key:
        assert (await _refusal(key, wrapped)).facts["reason"] == "InvalidCiphertextException"


@REMOTE
async def test_a_busy_key_service_is_asked_again(world: World, provider: str) -> None:
    busy = {"__type": "ThrottlingException"}
    world.faults[provider].order(Fault(status=400 if provider == "aws_kms" else 429, body=busy))
    world.faults[provider].order(Fault(status=500))

    async with world.key(provider) as key:
        assert await key.wrap(b"secret", CONTEXT)

    assert len(world.faults[provider].requests) == 3


@REMOTE
@pytest.mark.parametrize("fault", [Fault(status=500), Fault(status=503), Fault(cut_after_bytes=0)])
async def test_a_key_service_that_is_down_is_unavailable(world: World, provider: str, fault: Fault) -> None:
    world.faults[provider].always(fault)

    async with world.key(provider) as key:
        with pytest.raises(AppError) as caught:
            await key.wrap(b"secret", CONTEXT)

    assert caught.value.problem is UNAVAILABLE
    assert len(world.faults[provider].requests) == 3


@REMOTE
async def test_a_slow_key_service_is_waited_for(world: World, provider: str) -> None:
    world.faults[provider].order(Fault(latency_s=0.4, status=503))
    started = time.perf_counter()

    async with world.key(provider) as key:
        assert await key.wrap(b"secret", CONTEXT)

    assert time.perf_counter() - started >= 0.4


@REMOTE
@pytest.mark.parametrize("status", [400, 403])
async def test_a_key_service_that_refuses_is_not_asked_again_and_its_words_are_not_kept(
    world: World, provider: str, status: int
) -> None:
    said = {"__type": "AccessDeniedException", "message": "what was sent", "errors": ["what was sent"]}
    world.faults[provider].always(Fault(status=status, body=said))

    async with world.key(provider) as key:
        with pytest.raises(AppError) as caught:
            await key.wrap(b"secret", CONTEXT)

    assert caught.value.problem is UPSTREAM_REFUSED
    assert len(world.faults[provider].requests) == 1
    assert "what was sent" not in repr((caught.value.detail, caught.value.facts))


@pytest.mark.parametrize(
    ("provider", "more", "reason"),
    [
        ("aws_kms", {"aws_secret_access_key": "another"}, "InvalidSignatureException"),
        ("aws_kms", {"aws_access_key_id": "AKIAOTHER"}, "UnrecognizedClientException"),
        ("aws_kms", {"aws_region": "us-east-1"}, "UnrecognizedClientException"),
        ("aws_kms", {"aws_kms_key_id": "arn:none"}, "NotFoundException"),
        ("transit", {"vault_token": "another"}, "transit"),
        ("transit", {"transit_key_name": "another"}, "transit"),
        ("transit", {"vault_namespace": "another"}, "transit"),
    ],
)
async def test_wrong_credentials_and_wrong_keys_are_refused(
    world: World, provider: str, more: dict[str, Any], reason: str
) -> None:
    async with world.key(provider, **more) as key:
        with pytest.raises(AppError) as caught:
            await key.ready()

    assert caught.value.problem is UPSTREAM_REFUSED
    assert caught.value.facts["reason"] == reason


async def test_a_key_that_was_disabled_opens_nothing(world: World) -> None:
    async with world.key("aws_kms") as key:
        wrapped = await key.wrap(b"secret", CONTEXT)
        world.kms.disabled.add(KEY_ARN)

        assert (await _refusal(key, wrapped)).facts["reason"] == "DisabledException"


async def test_the_role_of_a_container_is_asked_once_and_its_session_token_signed(world: World, tmp_path: Path) -> None:
    world.kms.session_token = aws_kms.SESSION_TOKEN
    (tmp_path / "token").write_text(f"{aws_kms.CONTAINER_TOKEN}\n")
    role = {
        "aws_access_key_id": None,
        "aws_secret_access_key": None,
        "aws_container_credentials_full_uri": world.given["aws_kms"]["aws_kms_endpoint"] + "/role",
        "aws_container_authorization_token_file": tmp_path / "token",
    }

    async with world.key("aws_kms", **role) as key:
        await key.ready()

    assert [request.path for request in world.faults["aws_kms"].requests].count("/role") == 1


async def test_a_container_without_its_token_is_refused_and_one_of_ecs_needs_none(world: World, tmp_path: Path) -> None:
    role = {"aws_access_key_id": None, "aws_secret_access_key": None}
    url = world.given["aws_kms"]["aws_kms_endpoint"] + "/role"
    missing = {"aws_container_credentials_full_uri": url, "aws_container_authorization_token_file": tmp_path / "none"}

    async with world.key("aws_kms", **role, **missing) as key:
        with pytest.raises(AppError) as caught:
            await key.ready()
    async with world.key("aws_kms", **role, aws_container_credentials_relative_uri="/v2/credentials/id") as key:
        assert key.details == {"root_key": "aws_kms"}

    assert caught.value.facts["reason"] == "no-token"


async def test_a_token_file_is_read_for_each_call_because_an_agent_renews_it(world: World, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(transit.TOKEN)

    async with world.key("transit", vault_token=None, vault_token_file=file) as key:
        await key.ready()
        world.transit.token = "renewed"
        file.write_text("renewed\n")
        assert await key.wrap(b"secret", CONTEXT)
        file.unlink()
        with pytest.raises(AppError) as caught:
            await key.wrap(b"secret", CONTEXT)

    assert caught.value.facts["reason"] == "no-token"


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({}, "ROOT_KEY_FILE is not set"),
        ({"root_key_provider": "aws_kms"}, "AWS_KMS_KEY_ID is not set"),
        ({"root_key_provider": "transit"}, "TRANSIT_KEY_NAME is not set"),
        ({"aws_kms_key_id": "k"}, "AWS_REGION is not"),
        ({"aws_kms_key_id": "k", "aws_region": "r"}, "neither a key pair"),
        ({"aws_kms_key_id": "k", "aws_region": "r", "aws_access_key_id": "a"}, "set together"),
        ({"aws_kms_endpoint": "https://x"}, "AWS_KMS_KEY_ID is not"),
        ({"aws_kms_key_id": "k", "aws_region": "r", "aws_kms_endpoint": "http://kms.example"}, "must be https"),
        (
            {"aws_kms_key_id": "k", "aws_region": "r", "aws_container_credentials_full_uri": "http://x.example/"},
            "must be https",
        ),
        ({"transit_key_name": "k"}, "VAULT_ADDR is not"),
        ({"transit_key_name": "k", "vault_addr": "http://vault.example"}, "must be https"),
        ({"transit_key_name": "k", "vault_addr": "https://v"}, "VAULT_TOKEN or"),
        ({"transit_key_name": "k", "vault_addr": "https://v", "vault_token": "t", "vault_token_file": "f"}, "not both"),
    ],
)
def test_a_root_key_that_is_half_configured_is_named_and_refused(given: dict[str, Any], missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        root_key(settings(**given))


async def test_a_file_may_hold_an_older_key_below_the_one_that_wraps(world: World, tmp_path: Path) -> None:
    file = tmp_path / "root.key"
    async with world.key("file") as key:
        wrapped = await key.wrap(b"secret", CONTEXT)
    old = file.read_bytes()
    file.write_bytes(base64.b64encode(new_key()) + b"\n" + old)

    async with world.key("file") as key:
        again = await key.wrap(await key.unwrap(wrapped, CONTEXT), CONTEXT)
    file.write_bytes(file.read_bytes().splitlines()[0])

    async with world.key("file") as key:
        assert await key.unwrap(again, CONTEXT) == b"secret"
        assert (await _refusal(key, wrapped)).problem is UPSTREAM_REFUSED


@pytest.mark.parametrize(
    ("method", "signature"),
    [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ],
)
def test_signatures_are_those_of_the_vendors_own_examples(method: str, signature: str) -> None:
    """`get-vanilla` and `post-vanilla` of the test suite AWS publishes for Signature Version 4."""
    credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
    request = Unsigned(method, "/", {"Host": "example.amazonaws.com"})

    signed = sign(request, credentials, Scope("us-east-1", "service"), datetime(2015, 8, 30, 12, 36, tzinfo=UTC))

    assert signed["authorization"].endswith(f"Signature={signature}")

"""Every setting is explained, and no secret has a default that somebody could guess."""

import re
from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from deploy.provision import ProvisionSettings
from libs.common.process.run import MigrationSettings
from libs.common.settings import DEFAULT_PASSWORDS
from libs.ops.exporter import ExporterSettings
from libs.ops.rest.connection import OpsSettings
from tests.guarantees.deployment.parts import SETTINGS

ALL: tuple[type[BaseSettings], ...] = (
    *SETTINGS.values(),
    ProvisionSettings,
    MigrationSettings,
    OpsSettings,
    ExporterSettings,
)
SENTENCE_CHARS_MIN = 15
SECRET_NAME = re.compile(r"(?:^|_)(?:secrets?|passwords?|tokens?|keys?|peppers?|seeds?)(?:_|$)")
# Named like a secret and none, with the reason; whatever else has such a name is read as one.
NO_SECRETS = {
    "aws_access_key_id": "AWS prints it in its logs and bills; its secret half is another setting",
    "aws_kms_key_id": "the name of a key that never leaves AWS",
    "aws_kms_retiring_key_id": "the name of a key that never leaves AWS",
    "capability_key_id": "the name of a key, which every capability bears",
    "ledger_keys_before": "public keys, for whoever verifies",
    "transit_key_name": "the name of a key that never leaves the vault",
}


def _fields() -> Iterator[tuple[str, FieldInfo]]:
    for settings in ALL:
        for name, field in settings.model_fields.items():
            yield f"{settings.__name__}.{name}", field


@pytest.mark.parametrize(("name", "field"), list(_fields()))
def test_a_setting_is_explained_in_a_sentence(name: str, field: FieldInfo) -> None:
    assert len(field.description or "") >= SENTENCE_CHARS_MIN, name
    assert (field.description or "").rstrip().endswith((".", ")")), name


@pytest.mark.parametrize(("name", "field"), list(_fields()))
def test_a_secret_has_no_default(name: str, field: FieldInfo) -> None:
    default = field.default
    if isinstance(default, SecretStr):
        default = default.get_secret_value()

    assert default not in DEFAULT_PASSWORDS, name
    if "SecretStr" in str(field.annotation):
        assert field.is_required() or default is None, f"{name} has a default"


@pytest.mark.parametrize(("name", "field"), list(_fields()))
def test_what_is_named_like_a_secret_is_typed_as_one_or_says_why_it_is_none(name: str, field: FieldInfo) -> None:
    assert not _is_bare_secret(name.rpartition(".")[2], field.annotation) or name.rpartition(".")[2] in NO_SECRETS


def test_every_name_that_is_no_secret_is_still_of_a_setting_in_plain_text() -> None:
    bare = {
        name.rpartition(".")[2]
        for name, field in _fields()
        if _is_bare_secret(name.rpartition(".")[2], field.annotation)
    }

    assert bare == set(NO_SECRETS)


@pytest.mark.parametrize(
    ("name", "annotation", "is_bare"),
    [
        ("vendor_key", str, True),
        ("vendor_token", str | None, True),
        ("signing_seed_hex", bytes, True),
        ("vendor_key", SecretStr | None, False),
        ("tokens_max", int, False),
        ("keyboard", str, False),
    ],
)
def test_a_secret_in_plain_text_is_found_by_its_name(name: str, annotation: object, *, is_bare: bool) -> None:
    assert _is_bare_secret(name, annotation) == is_bare


def _is_bare_secret(name: str, annotation: object) -> bool:
    """Tell whether a setting has a secret's name and would be shown wherever settings are."""
    return bool(SECRET_NAME.search(name)) and bool({str, bytes} & {annotation, *get_args(annotation)})

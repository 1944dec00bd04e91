"""Every setting is explained, and no secret has a default that somebody could guess."""

from collections.abc import Iterator

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

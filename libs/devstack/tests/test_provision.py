"""A provisioned database: each service has its own role, and a second time changes nothing."""

import psycopg
import pytest

from libs.common.ids import new_id
from libs.contracts.services import SERVICES
from libs.devstack import provision
from libs.devstack.capabilities import signed
from libs.devstack.errors import DevstackError
from libs.devstack.infra import Infra
from libs.devstack.servers.servers import from_environment
from libs.devstack.services import Site, environment


def plain(url: str) -> str:
    return url.replace("postgresql+psycopg://", "postgresql://")


def site(infra: Infra, **inherited: str) -> Site:
    ports = {service: 20000 + number for number, service in enumerate(SERVICES)}
    return Site(infra, ports, env="test", detached=False, inherited=inherited)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_logs_in_as_its_own_role_with_its_tables_there(infra: Infra, service: str) -> None:
    with psycopg.connect(plain(infra.database_url(service))) as connection:
        assert connection.execute("select current_user").fetchone() == (f"svc_{service}",)
        assert connection.execute("select to_regclass(%s) is null", (f"{service}.outbox",)).fetchone() == (False,)


def test_provisioning_again_is_an_upgrade_that_keeps_what_is_there(infra: Infra) -> None:
    token = signed(infra, new_id(), "consent:read")

    provision.provision(infra.database)

    with psycopg.connect(plain(infra.database_url("consent"))) as connection:
        connection.execute("select ctx.enter(%s)", (token,))


def test_the_password_of_one_role_opens_no_other(infra: Infra) -> None:
    url = plain(infra.url_of("svc_chat", infra.database.password("svc_gateway")))

    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(url)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_given_no_secret_of_another(infra: Infra, service: str) -> None:
    given = environment(site(infra, OPENAI_API_KEY="o", DEEPGRAM_API_KEY="d", DATABASE_URL="admin"), service)
    of_gateway = {"CAPABILITY_KEY", "KEY_PEPPER", "OPERATOR_TOKEN", "PATIENT_TOKEN_KEY"}
    secrets = of_gateway | {"ROOT_KEY_FILE", "LEDGER_KEY_FILE", "MINIO_SECRET_KEY"}
    allowed = {
        "gateway": of_gateway,
        "consent": {"LEDGER_KEY_FILE", "MINIO_SECRET_KEY"},
        "ingestion": {"ROOT_KEY_FILE", "MINIO_SECRET_KEY"},
        "transcriber": {"MINIO_SECRET_KEY", "DEEPGRAM_API_KEY"},
        "embedder": {"OPENAI_API_KEY"},
        "chat": {"OPENAI_API_KEY"},
    }

    assert given.keys() & (secrets | {"OPENAI_API_KEY", "DEEPGRAM_API_KEY"}) == allowed.get(service, set())
    assert given["DATABASE_URL"] == infra.database_url(service)
    assert infra.admin_url not in given.values()


def test_servers_that_somebody_else_runs_are_read_from_the_environment() -> None:
    given = from_environment(
        {
            "DATABASE_URL": "postgresql+psycopg://postgres:p@db/x",
            "REDIS_URL": "redis://cache",
            "MINIO_ENDPOINT": "https://s3.example.org",
            "MINIO_ACCESS_KEY": "a",
            "MINIO_SECRET_KEY": "s",
        }
    )

    assert given.admin_url == "postgresql://postgres:p@db/x"
    assert given.redis_url == "redis://cache"
    assert given.object_store is not None
    assert (given.object_store.endpoint, given.object_store.secure) == ("s3.example.org", True)


@pytest.mark.parametrize("environment", [{"MINIO_ENDPOINT": "s3:9000"}, {"DATABASE_URL": "mysql://db"}])
def test_half_an_address_is_refused_with_a_sentence(environment: dict[str, str]) -> None:
    with pytest.raises(DevstackError):
        from_environment(environment)

"""The same servers from a Docker engine, for `TEST_INFRA=containers`."""

import contextlib
import secrets
from collections.abc import Iterator
from typing import Any

from libs.devstack.errors import DevstackError
from libs.devstack.servers.addresses import Addresses, ObjectStore

POSTGRES_IMAGE = "pgvector/pgvector:0.8.6-pg18"
VALKEY_IMAGE = "valkey/valkey:9.1"
SEAWEEDFS_IMAGE = "chrislusf/seaweedfs:4.48"


@contextlib.contextmanager
def running() -> Iterator[Addresses]:
    """Run the three servers as containers; raises DevstackError where no engine answers."""
    _need_engine()
    from testcontainers.core.container import DockerContainer
    from testcontainers.postgres import PostgresContainer
    from testcontainers.redis import RedisContainer

    password = secrets.token_hex(16)
    with contextlib.ExitStack() as stack:
        database = stack.enter_context(PostgresContainer(POSTGRES_IMAGE, username="postgres", password=password))
        cache = stack.enter_context(RedisContainer(VALKEY_IMAGE, password=password))
        weed = DockerContainer(SEAWEEDFS_IMAGE).with_command("mini -dir=/data -master.telemetry=false")
        weed = weed.with_exposed_ports(8333).with_env("WEED_S3_SSE_KEY", secrets.token_hex(32))
        weed = weed.with_env("AWS_ACCESS_KEY_ID", "devstack").with_env("AWS_SECRET_ACCESS_KEY", password)
        store = stack.enter_context(weed)
        yield Addresses(
            admin_url=f"postgresql://postgres:{password}@{_address(database, 5432)}/postgres",
            redis_url=f"redis://:{password}@{_address(cache, 6379)}/0",
            object_store=ObjectStore(_address(store, 8333), "devstack", password),
        )


def _need_engine() -> None:
    try:
        import docker  # type: ignore[import-untyped]
        from docker.errors import DockerException  # type: ignore[import-untyped]
    except ImportError as error:
        raise DevstackError("TEST_INFRA=containers needs the package testcontainers (`make install`)") from error
    try:
        client = docker.from_env()
        try:
            client.ping()
        finally:
            client.close()
    except (DockerException, OSError) as error:
        raise DevstackError("TEST_INFRA=containers needs a Docker engine, and none answers; unset it") from error


def _address(container: Any, port: int) -> str:  # testcontainers is not typed
    return f"{container.get_container_host_ip()}:{container.get_exposed_port(port)}"

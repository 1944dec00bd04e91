"""A service as a process: healthy when started, killed and started again on its port, refused with its own words."""

import os
from collections.abc import Iterator

import pytest

from libs.contracts.services import SERVICES
from libs.devstack.infra import Infra
from libs.devstack.servers.waiting import DiedError
from libs.devstack.services import ServiceProcess, Site, inherited, is_healthy


@pytest.fixture
def site(infra: Infra) -> Site:
    ports = dict(zip(SERVICES, infra.folder.ports("of a test", len(SERVICES)), strict=True))
    return Site(infra, ports, env="test", detached=False, inherited=inherited(with_vendor_keys=False))


@pytest.fixture
def consent(site: Site) -> Iterator[ServiceProcess]:
    process = ServiceProcess(site, "consent", "api", {})
    yield process
    process.stop()


def test_a_started_service_is_healthy_and_a_stopped_one_is_gone(consent: ServiceProcess) -> None:
    consent.start()
    assert is_healthy(consent.url)

    consent.stop()

    assert not is_healthy(consent.url)
    assert "service.stopped" in consent.log.read_text()


def test_a_killed_service_comes_back_on_its_port(consent: ServiceProcess) -> None:
    consent.start()
    first = consent.pid

    consent.kill()
    consent.start()

    assert consent.pid != first
    assert is_healthy(consent.url)


def test_a_service_that_refuses_its_settings_says_so_at_once(site: Site) -> None:
    process = ServiceProcess(site, "consent", "api", {"PORT": "none", "LOG_LEVEL": "loud"})

    with pytest.raises(DiedError, match="LOG_LEVEL"):
        process.start()


def test_vendor_keys_of_the_developer_reach_no_test() -> None:
    assert not {name for name in inherited(with_vendor_keys=False) if name.endswith("_API_KEY") and name in os.environ}

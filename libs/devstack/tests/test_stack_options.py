"""What a stack is asked to run: which processes, and by which way they reach the servers."""

from libs.devstack.infra import Infra
from libs.devstack.servers.proxy import proxies
from libs.devstack.services import Site, environment
from libs.devstack.stack import Stack, StackOptions


def test_a_service_can_have_more_work_processes_than_one_each_on_a_port_of_its_own(infra: Infra) -> None:
    stack = Stack.over(infra, StackOptions(split=True, replicas={"embedder": 3}))

    names = {name for name in stack.processes if name.startswith("embedder")}

    assert names == {"embedder", "embedder-work", "embedder-work-2", "embedder-work-3"}
    assert len({process.url for process in stack.processes.values()}) == len(stack.processes)
    assert stack.process("embedder-work-3").service == "embedder"


def test_what_is_set_for_one_process_wins_over_what_is_set_for_its_service() -> None:
    options = StackOptions(
        environment={"A": "all", "B": "all", "C": "all"},
        per_service={"chat": {"B": "service", "C": "service"}, "chat-work": {"C": "process"}},
    )

    assert options.environment_of("chat-work") == {"A": "all", "B": "service", "C": "process"}
    assert options.environment_of("chat") == {"A": "all", "B": "service", "C": "service"}


def test_a_proxied_service_is_given_no_servers_own_address(infra: Infra) -> None:
    with proxies(infra.server_addresses) as made:
        detours = {infra.server_addresses[name]: proxy.address for name, proxy in made.items()}
        site = Site(infra, {"ingestion": 1} | dict.fromkeys(STACK, 2), "test", False, {}, detours)
        given = " ".join(environment(site, "ingestion").values())

    assert all(address not in given for address in infra.server_addresses.values())
    assert all(given.count(instead) >= 1 for instead in detours.values())


STACK = ("gateway", "consent", "transcriber", "embedder", "chat")

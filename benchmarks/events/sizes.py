"""How much is measured: enough to be believed, a quick look, or just enough to see that it works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Size:
    """`share` scales every backlog; counts are events, seconds say how long a fault may take to heal."""

    share: float
    rounds: int
    drips: int
    relayed: int
    effects: int
    batched: int
    kills: int
    hosts_lost: int
    peers_wait_s: float
    rate: float = 50.0


FULL = Size(
    share=1,
    rounds=3,
    drips=500,
    relayed=100_000,
    effects=10_000,
    batched=100_000,
    kills=5,
    hosts_lost=5,
    peers_wait_s=60,
)
QUICK = Size(
    share=0.2,
    rounds=1,
    drips=150,
    relayed=20_000,
    effects=2_000,
    batched=20_000,
    kills=2,
    hosts_lost=1,
    peers_wait_s=15,
)
TINY = Size(
    share=0.005, rounds=1, drips=10, relayed=1_500, effects=50, batched=1_000, kills=1, hosts_lost=0, peers_wait_s=1
)

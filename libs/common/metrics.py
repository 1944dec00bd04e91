"""Every metric of the mechanism by name, with a sentence; labels are our own words, never a person's."""

from collections.abc import Callable
from functools import partial

from prometheus_client import Counter, Gauge, Histogram

from libs.common.heartbeat import State

HTTP_DURATION = Histogram("http_server_seconds", "How long a request took.", ["method", "route", "status"])
HTTP_ANSWERS = Counter("http_answers_total", "Requests answered: `served`, or `failed` on our side (5xx).", ["outcome"])
HEALTH_OK = Gauge("health_check_ok", "1 while a part that /health asks about answers, asked at each scrape.", ["check"])
VENDOR_CALLS = Counter(
    "vendor_calls_total",
    "Calls of vendors' models: `answered`, `failed`, or `abandoned` by us before there was an answer.",
    ["vendor", "outcome"],
)

PUBLISHED = Counter("events_published_total", "Events moved from the outbox to the stream.", ["topic"])
PUBLISH_CONFLICTS = Counter("events_publish_conflicts_total", "Turns another relay won.", ["topic"])
UNPUBLISHED_AGE = Gauge(
    "events_unpublished_oldest_seconds", "Age of the oldest row the relay has not moved.", ["topic"]
)

RELAY_LOOKED_AT = Gauge(
    "events_relay_last_poll_seconds", "When a relay last saw its outbox and the streams (Unix time); 0 where none did."
)
RELAY_HELD = Gauge(
    "events_relay_backpressured",
    "1 while the relay may not publish: `behind` (a group lags), `lost` (no cursor), `foreign` (another database's).",
    ["topic", "why"],
)
UNPUBLISHED = Gauge("events_unpublished_rows", "Rows the relay found and has not moved, 500 at most.", ["topic"])
OLDEST_WRITE = Gauge(
    "events_oldest_write_transaction_seconds", "Age of the oldest open transaction that holds the relay back.", []
)
COMMIT_TO_PUBLISH = Histogram(
    "events_commit_to_publish_seconds", "From the outbox row to the stream, oldest row of each batch.", ["topic"]
)

DELIVERED = Counter("events_delivered_total", "Entries handed to a handler.", ["topic", "group"])
DONE = Counter("events_applied_total", "Events whose effect took hold.", ["topic", "group"])
DUPLICATES = Counter("events_duplicates_total", "Events recognised as applied before.", ["topic", "group"])
RETRIED = Counter("events_retried_total", "Events parked for another try.", ["topic", "group"])
DEAD = Counter("events_dead_lettered_total", "Events moved to the dead-letter stream.", ["topic", "group"])
RECLAIMED = Counter("events_reclaimed_total", "Entries taken over from a dead consumer.", ["topic", "group"])
AUDITED = Counter("events_audited_total", "Entries that were ours without our knowing.", ["topic", "group"])
ISOLATED = Counter("events_isolated_total", "Entries run alone because their worker died.", ["topic", "group"])
CLAIMED_ELSEWHERE = Counter("events_claimed_elsewhere_total", "Times another worker had the event.", ["topic", "group"])
INTERRUPTED = Counter(
    "events_work_restarted_total", "Works begun again because whoever had begun them died or fell silent.", ["group"]
)
LOST_LEASE = Counter("events_lease_lost_total", "Times a consumer found its own lease run out.", ["topic", "group"])
HANDLER_DURATION = Histogram("events_handler_seconds", "How long a handler took.", ["topic", "group", "outcome"])
PUBLISH_TO_START = Histogram(
    "events_publish_to_start_seconds", "From the stream to the start of the handler.", ["topic", "group"]
)
ACK_DELAY = Histogram("events_ack_delay_seconds", "From an entry's end to its acknowledgement.", ["topic", "group"])
LAG = Gauge("events_group_lag", "Entries a group has not been given yet.", ["topic", "group"])
PENDING = Gauge("events_group_pending", "Entries given and not acknowledged.", ["topic", "group"])
PARKED = Gauge("events_group_parked", "Retries waiting for their time.", ["topic", "group"])
DEAD_LETTERS = Gauge("events_dead_letters", "Length of the dead-letter stream.", ["topic", "group"])
CONSUMERS = Gauge(
    "events_group_consumers", "Consumers of a group whose lease runs; 0 is a dead stage.", ["topic", "group"]
)
PAUSED = Gauge(
    "events_group_paused",
    "1 while a group is paused, and why: `count` or `rate` (it dead-lettered too much), `operator`, `other`.",
    ["topic", "group", "why"],
)
OLDEST_PENDING = Gauge(
    "events_group_oldest_pending_seconds", "Age of the oldest entry given and not acknowledged.", ["topic", "group"]
)
OLDEST_DUE = Gauge("events_group_oldest_due_seconds", "How long the oldest retry is overdue.", ["topic", "group"])
MAY_EVICT = Gauge("events_stream_may_evict", "1 while the server's maxmemory-policy may drop entries.")
CONSUMER_STATE = Gauge(
    "events_consumer_state",
    "1 for what a consumer is doing: starting, running, stream-away, paused (it dead-lettered too much), stalled.",
    ["topic", "group", "state"],
)


# From zero: a counter that begins with the first failure has no rate of it.
for _outcome in ("served", "failed"):
    HTTP_ANSWERS.labels(_outcome)


def expect_vendor(vendor: str) -> None:
    """Count a vendor's calls from zero: a counter that begins with the first failure has no rate of it."""
    for outcome in ("answered", "failed", "abandoned"):
        VENDOR_CALLS.labels(vendor, outcome)


def watch(labels: tuple[str, str], state: Callable[[], State]) -> None:
    """Count what a consumer does from zero, and let the gauge of states say what it is doing whenever it is read."""
    for counter in (DELIVERED, DONE, DUPLICATES, RETRIED, DEAD, LOST_LEASE):
        counter.labels(*labels)
    for one in State:
        CONSUMER_STATE.labels(*labels, one.value).set_function(partial(_is, state, one))


def _is(state: Callable[[], State], one: State) -> float:
    return float(state() is one)

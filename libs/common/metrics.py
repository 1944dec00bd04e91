"""Every metric of the mechanism by name, with a sentence; labels are our own words, never a person's."""

from prometheus_client import Counter, Gauge, Histogram

HTTP_DURATION = Histogram("http_server_seconds", "How long a request took.", ["method", "route", "status"])

PUBLISHED = Counter("events_published_total", "Events moved from the outbox to the stream.", ["topic"])
PUBLISH_CONFLICTS = Counter("events_publish_conflicts_total", "Turns another relay won.", ["topic"])
UNPUBLISHED_AGE = Gauge(
    "events_unpublished_oldest_seconds", "Age of the oldest row the relay has not moved.", ["topic"]
)

DELIVERED = Counter("events_delivered_total", "Entries handed to a handler.", ["topic", "group"])
DONE = Counter("events_done_total", "Events whose effect took hold.", ["topic", "group"])
DUPLICATES = Counter("events_duplicates_total", "Events recognised as applied before.", ["topic", "group"])
RETRIED = Counter("events_retried_total", "Events parked for another try.", ["topic", "group"])
DEAD = Counter("events_dead_total", "Events moved to the dead-letter stream.", ["topic", "group"])
RECLAIMED = Counter("events_reclaimed_total", "Entries taken over from a dead consumer.", ["topic", "group"])
AUDITED = Counter("events_audited_total", "Entries that were ours without our knowing.", ["topic", "group"])
LOST_LEASE = Counter("events_lost_lease_total", "Times a consumer found its own lease run out.", ["topic", "group"])
HANDLER_DURATION = Histogram("events_handler_seconds", "How long a handler took.", ["topic", "group", "outcome"])
LAG = Gauge("events_group_lag", "Entries a group has not been given yet.", ["topic", "group"])
PENDING = Gauge("events_group_pending", "Entries given and not acknowledged.", ["topic", "group"])
PARKED = Gauge("events_group_parked", "Retries waiting for their time.", ["topic", "group"])
DEAD_LETTERS = Gauge("events_dead_letters", "Length of the dead-letter stream.", ["topic", "group"])

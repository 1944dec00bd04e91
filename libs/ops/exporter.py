"""Says for Prometheus how much is before every group: `python -m libs.ops.exporter`.

It consumes nothing itself, so it goes on answering when a stage is dead; each scrape asks the stream anew.
"""

from collections.abc import Mapping

import uvicorn
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from libs.common import metrics
from libs.common.errors import UNAVAILABLE, AppError, BrokerUnavailableError
from libs.common.http.app import AppSpec, build_app
from libs.common.log import configure_logging
from libs.common.streams.admin import Backlog, GroupStream, StreamAdmin, StreamRefusedError
from libs.contracts.catalogue import EVENTS
from libs.ops.events.answers import ANSWERS

WHYS = ("count", "rate", "operator")
OTHER = "other"
_GAUGES = (
    metrics.LAG,
    metrics.PENDING,
    metrics.PARKED,
    metrics.DEAD_LETTERS,
    metrics.OLDEST_PENDING,
    metrics.OLDEST_DUE,
    metrics.CONSUMERS,
    metrics.PAUSED,
)


class ExporterSettings(BaseSettings):
    """What this process needs; nothing of the database."""

    model_config = SettingsConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    host: str = Field("127.0.0.1", description="The address to listen on.")
    port: int = Field(8000, ge=0, le=65535, description="The TCP port of /metrics and /health.")
    redis_url: SecretStr = Field(description="Redis or Valkey (redis://:password@host:port/0).")


class Exporter:
    """Asks one server."""

    def __init__(self, streams: StreamAdmin) -> None:
        self._streams = streams

    async def measure(self) -> None:
        """Put every group's depth on the gauges; without an answer empty them, since old depths are none, and raise."""
        depths: Mapping[GroupStream, Backlog] = {}
        try:
            depths = {lane: await self._streams.depths(lane) for lane in sorted(await self._lanes())}
            metrics.MAY_EVICT.set(await self._streams.may_evict())
        except (BrokerUnavailableError, StreamRefusedError) as error:
            raise AppError(UNAVAILABLE, "The stream does not answer.") from error
        finally:
            # A group that is gone would else be told for ever, with its last depth.
            for gauge in _GAUGES:
                gauge.clear()
            for lane, found in depths.items():
                _say(lane, found)

    async def _lanes(self) -> set[GroupStream]:
        """Return what ought to be read, and by whom, and what else the server keeps for a group."""
        expected = expected_lanes()
        topics = {event.topic for event in EVENTS}
        # Also those nobody expects: what a retired group left behind still fills the stream.
        return expected | {lane for topic in topics for lane in await self._streams.lanes_of(topic)}


def expected_lanes() -> set[GroupStream]:
    """Return each stream that a group of ours has to read, whether or not it ever did."""
    return {
        GroupStream(event.topic, group)
        for group, answers in ANSWERS.items()
        for event in EVENTS
        if event.type in answers
    }


def app_spec(exporter: Exporter) -> AppSpec:
    """Return the app: its /metrics asks first, as its /health does."""
    return AppSpec(title="exporter", version="1", routers=(), checks={"stream": exporter.measure})


def main() -> None:
    """Serve until told to stop."""
    settings = ExporterSettings()
    configure_logging("exporter", "info")
    app = build_app(app_spec(Exporter(StreamAdmin(settings.redis_url.get_secret_value()))))
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        # A line for each scrape would be all that this process ever logs.
        access_log=False,
        server_header=False,
        lifespan="off",
    )


def _say(lane: GroupStream, found: Backlog) -> None:
    labels = (lane.stream, lane.group)
    for gauge, value in (
        (metrics.LAG, found.lag),
        (metrics.PENDING, found.pending),
        (metrics.PARKED, found.parked),
        (metrics.DEAD_LETTERS, found.dead),
        (metrics.OLDEST_PENDING, (found.oldest_pending_ms or 0) / 1000),
        (metrics.OLDEST_DUE, max(0, -(found.oldest_due_ms or 0)) / 1000),
        (metrics.CONSUMERS, found.consumers),
    ):
        # A gauge without a value, and not 0: a server that cannot tell the lag must not look as if there were none.
        if value is not None:
            gauge.labels(*labels).set(value)
    # The reason is text in Redis, which anybody may have written: a label is one of four words.
    why = found.paused if found.paused in ("", *WHYS) else OTHER
    for each in (*WHYS, OTHER):
        metrics.PAUSED.labels(*labels, each).set(each == why)


if __name__ == "__main__":
    main()

"""Logs that cannot hold a person's words: one JSON line an event, with keys from an allow-list only."""

import logging
import sys
import threading
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import structlog

# Adding a key here is a reviewed change: values must be ids, numbers or words of our own.
COMMON_KEYS = frozenset(
    {
        "event", "level", "timestamp", "service", "logger", "mode",
        "request_id", "method", "route", "status", "duration_ms", "bytes_in", "bytes_out",
        "problem", "error_class", "error_place", "sqlstate", "peer",
        "topic", "group", "event_id", "event_type", "attempt", "outcome", "entry_id", "consumer", "count", "lag",
        "size_bytes",
        "schema", "made_count", "dropped_count", "reason",
        "trace_id", "span_id", "port", "host", "pid", "version", "retry_after_s", "vendor", "model", "provider",
    }
)  # fmt: skip


class KeyNotAllowedError(ValueError):
    """A log call used a key outside the allow-list; raised in tests only."""


class _AllowList:
    def __init__(self, keys: frozenset[str], strict: bool) -> None:
        self._keys = keys
        self._strict = strict

    def __call__(self, _logger: Any, _name: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
        foreign = sorted(set(line) - self._keys)
        # Outside tests the key is dropped and the line kept: a log must not stop the work it is about.
        if foreign and self._strict:
            raise KeyNotAllowedError(f"log keys not on the allow-list: {', '.join(foreign)}")
        return {key: value for key, value in line.items() if key in self._keys}


def configure_logging(service: str, level: str, keys: frozenset[str] = frozenset(), *, strict: bool = False) -> None:
    """Send one JSON line per event to stdout; `keys` extends the allow-list, `strict` raises on a foreign key."""
    number = logging.getLevelNamesMapping()[level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _AllowList(COMMON_KEYS | keys, strict),
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=_Stdout,
        # A cached logger would go on writing to an output that has been replaced since.
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(service=service)
    # Libraries put values into their messages, so theirs are cut to warnings and stripped of text.
    logging.basicConfig(level=logging.WARNING, handlers=[_RedactingHandler()], force=True)


def redact_uncaught_errors() -> None:
    """Log uncaught errors and warnings by class and place only: their messages may contain personal data."""
    logging.captureWarnings(True)
    sys.excepthook = lambda _kind, error, _trace: _died(error)
    threading.excepthook = lambda args: _died(args.exc_value)
    sys.unraisablehook = lambda args: _died(args.exc_value)


def get_logger() -> structlog.typing.FilteringBoundLogger:
    """Return the logger; the first argument of a call is a dotted event name of our own."""
    logger: structlog.typing.FilteringBoundLogger = structlog.get_logger()
    return logger


def location_of(error: BaseException) -> str:
    """Return file, line and function where an error was raised: its text may hold a person's words."""
    trace = error.__traceback__
    if trace is None:
        return "-"
    # To the innermost frame: where it was raised, and not where it was caught.
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return f"{code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}:{code.co_name}"


def _died(error: BaseException | None) -> None:
    for leaf in _leaves(error):
        get_logger().error("process.crashed", error_class=type(leaf).__name__, error_place=location_of(leaf))


def _leaves(error: BaseException | None) -> Iterator[BaseException]:
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _leaves(member)
    # SystemExit is how a process ends on purpose.
    elif error is not None and not isinstance(error, SystemExit):
        yield error


class _Stdout:
    """Writes to the standard output of the moment, which a test may have replaced."""

    def __init__(self, *_: Any) -> None:
        self.debug = self.info = self.warning = self.error = self.critical = self.msg

    def msg(self, line: str) -> None:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()


class _RedactingHandler(logging.Handler):
    """Says that a library warned, where and how loudly, never what."""

    def emit(self, record: logging.LogRecord) -> None:
        get_logger().warning(
            "library.message",
            logger=record.name,
            level=record.levelname.lower(),
            error_class=record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else None,
            error_place=f"{record.filename}:{record.lineno}",
        )

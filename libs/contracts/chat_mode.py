"""What an organization lets its patients do in the chat; the gateway knows it and tells the chat with each message."""

from collections.abc import Mapping
from enum import StrEnum

HEADER = "Chat-Mode"


class ChatMode(StrEnum):
    """How a message is answered. In a crisis it is answered in every mode."""

    RECALL = "recall"
    """In the words of the configured model, verified."""
    QUOTES = "quotes"
    """By verbatim quotes alone: no model of a vendor is asked."""
    OFF = "off"
    """Not at all."""


def mode_of_caller(headers: Mapping[str, str]) -> ChatMode:
    """Return the mode that a request between services is sent in; QUOTES when it names none that is known.

    A header that was lost, or a mode that is newer than this code, must not let words leave to a vendor. Nor may it
    close the chat of everybody, as while a gateway from before this header is being replaced.
    """
    named = headers.get(HEADER)
    return next((mode for mode in ChatMode if mode.value == named), ChatMode.QUOTES)

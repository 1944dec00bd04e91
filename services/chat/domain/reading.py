"""What the heads read in a message, and which kind it is taken for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.chat.domain.message_kind import FIXED, MessageKind

# An answer without a search must be sure of its kind; a search is right for anything else.
FIXED_MIN = 0.5


@dataclass(frozen=True)
class Reading:
    """The probability of each kind of message; none where no head has read it."""

    kinds: Mapping[str, float] = field(default_factory=dict)

    def decide(self, *, has_history: bool) -> MessageKind:
        """Return the most likely kind; one with a fixed answer only from FIXED_MIN on."""
        ranked = sorted(self.kinds, key=lambda kind: self.kinds[kind], reverse=True)
        for name in ranked:
            kind = MessageKind(name)
            if kind is MessageKind.FOLLOW_UP and not has_history:
                continue
            if kind not in FIXED or self.kinds[name] >= FIXED_MIN:
                return kind
        return MessageKind.DETAIL

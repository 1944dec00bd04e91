"""Entry point of the chat: `python -m services.chat api|work|all|migrate`."""

from pathlib import Path

from libs.common.process.run import Entry, main
from libs.contracts.log_keys import LOG_KEYS
from services.chat.settings import ChatSettings
from services.chat.wiring import build

if __name__ == "__main__":
    main(
        Entry(
            name="chat",
            settings=ChatSettings,
            build=build,
            migrations=Path(__file__).parent / "migrations" / "versions",
            log_keys=LOG_KEYS,
        )
    )

"""Entry point of the embedder: `python -m services.embedder api|work|all|migrate`."""

from pathlib import Path

from libs.common.process.run import Entry, main
from libs.contracts.log_keys import LOG_KEYS
from services.embedder.settings import EmbedderSettings
from services.embedder.wiring import build

if __name__ == "__main__":
    main(
        Entry(
            name="embedder",
            settings=EmbedderSettings,
            build=build,
            migrations=Path(__file__).parent / "migrations" / "versions",
            log_keys=LOG_KEYS,
        )
    )

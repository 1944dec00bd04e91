"""Starts the ingestion service: `python -m services.ingestion api|work|all|migrate`."""

from pathlib import Path

from libs.common.run import Entry, main
from libs.contracts.log_keys import LOG_KEYS
from services.ingestion.settings import IngestionSettings
from services.ingestion.wiring import build

if __name__ == "__main__":
    main(
        Entry(
            name="ingestion",
            settings=IngestionSettings,
            build=build,
            migrations=Path(__file__).parent / "migrations" / "versions",
            log_keys=LOG_KEYS,
        )
    )

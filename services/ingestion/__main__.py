"""Entry point of ingestion: `python -m services.ingestion api|work|all|migrate`, or key maintenance: `keys ...`."""

import sys
from pathlib import Path

from libs.common.process.run import Entry, main
from libs.contracts.log_keys import LOG_KEYS
from services.ingestion.keys import command as maintenance
from services.ingestion.settings import IngestionSettings
from services.ingestion.wiring import build

if __name__ == "__main__":
    if sys.argv[1:2] == ["keys"]:
        maintenance.main(sys.argv[2:])
    main(
        Entry(
            name="ingestion",
            settings=IngestionSettings,
            build=build,
            migrations=Path(__file__).parent / "migrations" / "versions",
            log_keys=LOG_KEYS,
        )
    )

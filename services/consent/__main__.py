"""Entry point of the consent service: `python -m services.consent api|work|all|migrate`."""

from pathlib import Path

from libs.common.process.run import Entry, main
from libs.contracts.log_keys import LOG_KEYS
from services.consent.settings import ConsentSettings
from services.consent.wiring import build

if __name__ == "__main__":
    main(
        Entry(
            name="consent",
            settings=ConsentSettings,
            build=build,
            migrations=Path(__file__).parent / "migrations" / "versions",
            log_keys=LOG_KEYS,
        )
    )

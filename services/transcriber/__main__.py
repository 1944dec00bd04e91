"""Entry point of the transcriber: `python -m services.transcriber api|work|all|migrate`."""

from pathlib import Path

from libs.common.process.run import Entry, main
from libs.contracts.log_keys import LOG_KEYS
from services.transcriber.settings import TranscriberSettings
from services.transcriber.wiring import build

if __name__ == "__main__":
    main(
        Entry(
            name="transcriber",
            settings=TranscriberSettings,
            build=build,
            migrations=Path(__file__).parent / "migrations" / "versions",
            log_keys=LOG_KEYS,
        )
    )

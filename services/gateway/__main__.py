"""Starts the gateway: `python -m services.gateway api|work|all|migrate`."""

from pathlib import Path

from libs.common.process.run import Entry, main
from libs.contracts.log_keys import LOG_KEYS
from services.gateway.settings import GatewaySettings
from services.gateway.wiring import build

if __name__ == "__main__":
    main(
        Entry(
            name="gateway",
            settings=GatewaySettings,
            build=build,
            migrations=Path(__file__).parent / "migrations" / "versions",
            log_keys=LOG_KEYS,
        )
    )

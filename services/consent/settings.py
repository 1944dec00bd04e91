"""What the consent service reads from the environment: nothing beyond what every service does."""

from libs.common.settings import ServiceSettings


class ConsentSettings(ServiceSettings):
    """The common settings."""

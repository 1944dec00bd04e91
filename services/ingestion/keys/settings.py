"""Settings of the root key as this product uses it, read by the service and by the maintenance of keys alike."""

from pydantic import Field

from libs.common.keys.root_key import RootKeySettings


class KeySettings(RootKeySettings):
    """Where the root key is, and the name under which AWS KMS knows what it wrapped for this product."""

    # Stored organizations' keys were wrapped under this name: another default would leave every recording unreadable.
    aws_kms_context_name: str = Field(
        "therapyrag",
        min_length=1,
        description="The name in the encryption context under which AWS KMS authenticates what a key is for; "
        "what was wrapped under another name does not open.",
    )

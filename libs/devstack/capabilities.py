"""Capabilities that a provisioned database believes, for tests that hand them on and do not know what they say.

Written here and not by whoever mints them in production: the mechanism's tests stand on this machine alone, and know
of a tenant no more than its id. A database that reads another grammar refuses the first of those tests.
"""

import hashlib
import hmac
from datetime import timedelta
from uuid import UUID

from libs.common.clock import utc_now
from libs.common.ids import new_id
from libs.devstack.infra import Infra

LIFETIME = timedelta(seconds=60)
# A field that names nobody and narrows nothing.
_UNBOUND = "-"


def signed(infra: Infra, tenant_id: UUID, *scopes: str, lifetime: timedelta = LIFETIME) -> str:
    """Return a capability for a tenant's rows in the scopes (`<schema>:write`); a negative lifetime has expired."""
    expires_s = str(int((utc_now() + lifetime).timestamp()))
    bound = ("v1", infra.capability_key_id, expires_s, str(tenant_id), _UNBOUND, _UNBOUND)
    message = "|".join((*bound, "test", ",".join(sorted(scopes)), _UNBOUND, str(new_id())))
    return f"{message}|{hmac.new(infra.capability_key, message.encode(), hashlib.sha256).hexdigest()}"

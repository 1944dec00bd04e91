"""One signed request to an S3 store (AWS Signature Version 4), so that readiness needs no client library."""

import hashlib
import hmac
from datetime import datetime

import httpx

from libs.common.clock import utc_now
from libs.devstack.servers.addresses import ObjectStore

TIMEOUT_S = 10.0
_REGION = "us-east-1"
_SIGNED = "host;x-amz-content-sha256;x-amz-date"


def send(store: ObjectStore, method: str, path: str, body: bytes = b"") -> httpx.Response:
    """Send it; raises httpx.TransportError when nobody answers."""
    at = utc_now()
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": store.endpoint, "x-amz-content-sha256": digest, "x-amz-date": f"{at:%Y%m%dT%H%M%SZ}"}
    headers["authorization"] = _authorization(store, f"{method}\n{path}\n", headers, at)
    url = f"{'https' if store.secure else 'http'}://{store.endpoint}{path}"
    # Without TLS there is nothing to verify, and certificates take long to load.
    with httpx.Client(trust_env=False, timeout=TIMEOUT_S, verify=store.secure) as client:
        return client.request(method, url, content=body, headers=headers)


def _authorization(store: ObjectStore, target: str, headers: dict[str, str], at: datetime) -> str:
    scope = f"{at:%Y%m%d}/{_REGION}/s3/aws4_request"
    signed = "".join(f"{name}:{headers[name]}\n" for name in _SIGNED.split(";"))
    request = f"{target}\n{signed}\n{_SIGNED}\n{headers['x-amz-content-sha256']}"
    text = f"AWS4-HMAC-SHA256\n{headers['x-amz-date']}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{store.secret_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.new(key, text.encode(), "sha256").hexdigest()
    return f"AWS4-HMAC-SHA256 Credential={store.access_key}/{scope},SignedHeaders={_SIGNED},Signature={signature}"

"""The health check of every image, in Python because a slim image has no curl: exit code 0 means able to work."""

import os
import sys
from http.client import HTTPConnection, HTTPException

TIMEOUT_S = 4
HTTP_OK = 200


def main() -> int:
    """Ask /health of this container's own service."""
    connection = HTTPConnection("127.0.0.1", int(os.environ.get("PORT", "8000")), timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/health")
        return 0 if connection.getresponse().status == HTTP_OK else 1
    except (OSError, HTTPException):
        return 1


if __name__ == "__main__":
    sys.exit(main())

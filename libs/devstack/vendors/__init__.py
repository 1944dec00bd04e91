"""The vendors' fake servers: they speak the wire format, so that the real SDKs run against them."""

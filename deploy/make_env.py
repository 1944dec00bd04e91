"""Makes the secrets of one deployment: `python3 deploy/make_env.py` writes deploy/.env, once, readable by you only.

Needs nothing but Python, so that it runs before anything is installed.
`--example` prints the same file without its values, which is what deploy/.env.example holds.
"""

import base64
import os
import secrets
import sys
from pathlib import Path

TARGET = Path(__file__).with_name(".env")
SECRET_BYTES = 32

# Name, and what it is for. Every one is random and used in one place only.
SECRETS: tuple[tuple[str, str], ...] = (
    ("POSTGRES_PASSWORD", "PostgreSQL's superuser; only the provision step uses it."),
    ("SVC_GATEWAY_PASSWORD", "A login role per service (deploy/postgres/roles.sql)."),
    ("SVC_CONSENT_PASSWORD", ""),
    ("SVC_INGESTION_PASSWORD", ""),
    ("SVC_TRANSCRIBER_PASSWORD", ""),
    ("SVC_EMBEDDER_PASSWORD", ""),
    ("SVC_CHAT_PASSWORD", ""),
    ("SVC_RELAY_PASSWORD", "Reads outboxes and nothing else."),
    ("SVC_OPS_PASSWORD", "The operators' tools: reads ids and facts, and records what operators do."),
    ("REDIS_PASSWORD", "The streams."),
    ("MINIO_ACCESS_KEY", "The object store's key pair."),
    ("MINIO_SECRET_KEY", ""),
    ("S3_SSE_KEY", "The object store's own encryption, a second layer below ours."),
    ("S3_JWT_KEY", "The object store's parts among themselves."),
    ("ROOT_KEY", "Wraps every recording's key. Lose it and no recording can be read again: keep a copy elsewhere."),
    (
        "LEDGER_KEY",
        "Signs consent receipts and checkpoints; nobody with the database may have it. Keep a copy elsewhere.",
    ),
    ("KEY_PEPPER", "Keys the digests of API keys."),
    ("OPERATOR_TOKEN", "Opens the operators' API: `therapyrag bootstrap`."),
    ("PATIENT_TOKEN_KEY", "Signs patients' own tokens."),
    ("CAPABILITY_KEY", "Signs capabilities; only the gateway and the database hold it (docs/adr/0003)."),
)

# Settings that have a sensible absence; uncomment to use.
OPTIONS: tuple[tuple[str, str], ...] = (
    ("DEEPGRAM_API_KEY", "With a key the vendor does this stage, without one a model on this machine does."),
    ("OPENAI_API_KEY", ""),
    ("ANTHROPIC_API_KEY", ""),
    ("COMMITMENTS_PROVIDER", "`anthropic` sends Claude every word of each session when it is indexed (docs/adr/0018)."),
    ("PUBLIC_URL", "Where callers reach the gateway, for links in its answers."),
    ("LEDGER_KEYS_BEFORE", "Public keys of the consent ledger that were in use before, by comma."),
    ("GATEWAY_BIND", "The address the gateway is published on; put TLS in front of anything but 127.0.0.1."),
    ("GATEWAY_PORT", ""),
)


def main(arguments: list[str]) -> int:
    """Write the file, or print the example."""
    if arguments == ["--example"]:
        sys.stdout.write(rendered({name: "" for name, _ in SECRETS}))
        return 0
    if arguments:
        sys.stderr.write("usage: python3 deploy/make_env.py [--example]\n")
        return 2
    try:
        descriptor = os.open(TARGET, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        sys.stderr.write(f"{TARGET} is there already and is left alone: its secrets are in use.\n")
        return 1
    with os.fdopen(descriptor, "w") as out:
        out.write(rendered({name: made(name) for name, _ in SECRETS}))
    sys.stdout.write(f"wrote {TARGET}\n")
    return 0


def made(name: str) -> str:
    """Return a fresh secret: hex, which no URL or file format trips over, but for the one key that is base64."""
    fresh = secrets.token_bytes(SECRET_BYTES)
    return base64.b64encode(fresh).decode() if name == "ROOT_KEY" else fresh.hex()


def rendered(values: dict[str, str]) -> str:
    """Return the file's text."""
    lines = ["# Made by deploy/make_env.py. Keep it out of every repository and backup that others read.", ""]
    for name, purpose in SECRETS:
        lines += [f"# {purpose}"] * bool(purpose) + [f"{name}={values[name]}"]
    lines.append("")
    for name, purpose in OPTIONS:
        lines += [f"# {purpose}"] * bool(purpose) + [f"# {name}="]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

"""`therapyrag`: the operators' and integrators' command line; one file per noun, put together here."""

from typing import Annotated

import typer

from libs.ops.api import audit, bootstrap, chat, consent, ledger, sessions, status, transcript, upload, users
from libs.ops.command import AS_JSON, JsonFlag, Verb, as_command
from libs.ops.events import actions, dlq, entries, events, outbox, pausing, rebuild, replay, stuck, trace
from libs.ops.index import rebuild as index_rebuild
from libs.ops.rest.connection import Connection

app = typer.Typer(
    name="therapyrag",
    help="Sessions recorded with consent, transcribed, and answered with citations.",
    epilog="Environment: THERAPYRAG_URL, THERAPYRAG_KEY, NO_COLOR; for operators also OPERATOR_TOKEN, "
    "OPS_DATABASE_URL, REDIS_URL. What changes something is a plan until --execute. "
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 denied.",
    no_args_is_help=True,
    # Typer's own prints local variables, and keys are among them.
    pretty_exceptions_enable=False,
)


@app.callback()
def connect(
    context: typer.Context,
    url: Annotated[str | None, typer.Option(help="The gateway, instead of THERAPYRAG_URL.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Find out which gateway the command is for; keys come from the environment only, never from arguments."""
    context.meta[AS_JSON] = as_json
    found: Connection = context.obj or Connection.from_environment()
    context.obj = found.at(url) if url else found


def _noun(name: str, explanation: str, **verbs: Verb) -> None:
    group = typer.Typer(help=explanation, no_args_is_help=True)
    for verb_name, verb in verbs.items():
        group.command(verb_name)(as_command(verb))
    app.add_typer(group, name=name)


app.command("bootstrap")(as_command(bootstrap.bootstrap))
_noun("users", "Therapists, patients and administrators.", add=users.add, list=users.list_users)
_noun(
    "consent",
    "What a patient has agreed to, and the proof of it.",
    grant=consent.grant,
    show=consent.show,
    revoke=consent.revoke,
    export=ledger.export,
    verify=ledger.verify,
)
_noun("audit", "Who was given what about whom.", export=audit.export)
app.command("upload")(as_command(upload.upload))
_noun(
    "sessions",
    "Therapy sessions and their progress.",
    list=sessions.list_sessions,
    show=sessions.show,
    release=sessions.release,
    stuck=stuck.stuck,
    **{"hold-back": sessions.hold_back},
)
app.command("transcript")(as_command(transcript.transcript))
app.command("chat")(as_command(chat.chat))
app.command("status")(as_command(status.status))
_noun(
    "events",
    "The facts services told each other, and how far each group has come.",
    tail=events.tail,
    show=events.show,
    lag=events.lag,
    replay=replay.replay,
    rebuild=rebuild.rebuild,
    pause=pausing.pause,
    resume=pausing.resume,
)
_noun(
    "entries",
    "What a group has in hand on a topic, one by one.",
    list=entries.list_entries,
    remove=entries.remove,
    **{"dead-letter": entries.dead_letter},
)
_noun(
    "dlq",
    "Dead letters: what a group could not handle.",
    list=dlq.list_dead_letters,
    show=dlq.show,
    redrive=dlq.redrive,
    drop=dlq.drop,
)
_noun("index", "What is searched, and the model it was made with.", rebuild=index_rebuild.rebuild)
app.command("trace")(as_command(trace.trace))
_noun("outbox", "How far the relays are with the archives.", status=outbox.status)
_noun("actions", "What operators did.", list=actions.list_actions)


def run() -> None:
    """The entry point of the installed command."""
    app()


if __name__ == "__main__":
    run()

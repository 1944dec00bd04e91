"""`make demo`: from nothing to a cited answer on real speech, and to the refusal once consent is taken back.

Exit code 0 only when everything that is shown has really happened.
"""

import asyncio
import contextlib
import os
import shutil
import signal
import sys
import time
from pathlib import Path

from rich.text import Text

from libs.demo.figures import stages, summary, verdict
from libs.demo.story import Outcome, Story
from libs.demo.view import View
from libs.devstack.errors import DevstackError
from libs.devstack.stack import Stack
from libs.ops.rest.client import Gateway, NoAnswerError, RefusedError
from libs.ops.rest.connection import Connection

INTERRUPTED = 130
LOGS_OF_A_FAILURE = Path(__file__).parents[2] / ".devstack" / "demo-logs"
VENDOR_KEYS = {"DEEPGRAM_API_KEY": "Deepgram", "OPENAI_API_KEY": "OpenAI", "ANTHROPIC_API_KEY": "Anthropic"}


def main() -> int:
    """Run the demo on a system of its own and leave nothing running behind."""
    # As an interruption by hand, so that everything it started is stopped then too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    view = View()
    try:
        return _run(view)
    except KeyboardInterrupt:
        view.line("Stopped, and with it everything that was started.")
        return INTERRUPTED
    except DevstackError as error:
        view.line(Text(f"✘ {error}", style="bold red"))
        return 1


def _run(view: View) -> int:
    began_at = time.monotonic()
    view.act("PostgreSQL, Valkey, SeaweedFS and six services start")
    view.line(_who_works())
    with contextlib.ExitStack() as exits:
        with view.busy("starting ..."):
            # In a folder of its own: a demo never meets what `make up` keeps.
            stack = exits.enter_context(Stack.running())
        started_s = time.monotonic() - began_at
        view.line(f"✔ up after {started_s:.1f} s; the API is described at {stack.gateway_url}/docs while this runs")
        outcome = _outcome(stack, view)
        # A story that ended before its first upload has no figures to show.
        if outcome.tracks:
            _close(outcome, view, summary(outcome, started_s, time.monotonic() - began_at))
        if not outcome.succeeded:
            _keep_logs(stack, view)
    return 0 if outcome.succeeded else 1


def _outcome(stack: Stack, view: View) -> Outcome:
    try:
        return asyncio.run(_tell(stack, view))
    # A refusal that no act expected: the story makes no sense behind it, and an outcome without claims has failed.
    except (RefusedError, NoAnswerError) as error:
        view.line(Text(f"✘ {error}", style="bold red"))
        return Outcome()


async def _tell(stack: Stack, view: View) -> Outcome:
    view.act("An organization and its first key")
    async with Gateway(Connection(stack.gateway_url, operator_token=stack.operator_token)) as gateway:
        made = await gateway.bootstrap("Harbour Practice", "demo")
    view.line(f"organization {made.organization_id}")
    async with Gateway(Connection(stack.gateway_url, made.api_key)) as gateway:
        return await Story(gateway, view).play()


def _who_works() -> str:
    vendors = [name for variable, name in VENDOR_KEYS.items() if os.environ.get(variable)]
    return f"with {', '.join(vendors)} where there is a key" if vendors else "no keys: every model runs on this machine"


def _close(outcome: Outcome, view: View, figures: str) -> None:
    view.act("How long it took")
    view.table(stages(outcome))
    view.line(Text(figures, style="dim"))
    view.act("What happened")
    view.table(verdict(outcome))
    view.act("Go on")
    view.line("make up      the same system, to stay: prints the address of /docs and a key for curl and `therapyrag`")
    view.line("README.md    what to try with it, command by command")


def _keep_logs(stack: Stack, view: View) -> None:
    # Out of the throwaway folder, which is about to be removed.
    shutil.copytree(stack.folder / "logs", LOGS_OF_A_FAILURE, dirs_exist_ok=True)
    view.line(f"The logs are kept in {LOGS_OF_A_FAILURE}.")


if __name__ == "__main__":
    sys.exit(main())

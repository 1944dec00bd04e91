"""`therapyrag chat`: ask about a patient's sessions and see on which words the answer stands."""

from typing import Annotated

import typer
from rich.console import Group
from rich.text import Text

from libs.ops.api.sessions import clock
from libs.ops.command import PatientOption
from libs.ops.console import Shown
from libs.ops.rest.client import Gateway
from libs.ops.rest.wire import Answer, Source


async def chat(
    gateway: Gateway,
    question: Annotated[str, typer.Argument(help="What to ask.")],
    patient: PatientOption,
    conversation: Annotated[str | None, typer.Option(help="Go on in this conversation.")] = None,
) -> Shown:
    """Ask a question and print the answer with its sources."""
    answer = await gateway.ask(patient, question, conversation)
    return Shown(answer, view(answer))


def view(answer: Answer) -> Group:
    """What answers, the first time; the answer; each source: date, place, speaker, relevance, quote."""
    notice = (Text(answer.notice, "dim"),) if answer.notice else ()
    return Group(*notice, Text(answer.response), *(_source(source) for source in answer.sources))


def _source(source: Source) -> Text:
    place = f"{source.day}  {clock(source.start_time)}  {source.speaker.capitalize()}"
    return Text.assemble(("  ▸ ", "cyan"), (place, "cyan"), f"  {source.closeness}  ", (f"“{source.quote}”", "italic"))

"""What to do next about a problem, as a command that can be pasted."""

from libs.ops.wire import Problem

_FIXES = {
    "unauthenticated": "set THERAPYRAG_KEY to an active API key",
    "forbidden": "use a key with the scope named in the detail",
    "not-found": "check the id; `therapyrag sessions list` and `therapyrag users list` print what this key may see",
    "payload-too-large": "send a recording of at most 500 MB",
    "unsupported-media-type": "send mp3, wav, m4a, mp4, webm, ogg or flac",
    "unavailable": "therapyrag status",
}


def fix_for(problem: Problem) -> str | None:
    """The next step, or None when there is nothing better to say than the detail."""
    if problem.slug == "consent-required":
        types = " ".join(f"--type {purpose}" for purpose in problem.missing) or "--all"
        return f"therapyrag consent grant --patient $P --therapist $T {types}"
    return _FIXES.get(problem.slug)

"""Renders transcripts as subtitles or plain text, without control characters and markup."""

from collections.abc import Callable, Mapping

from libs.common.visible_text import visible
from services.transcriber.domain import Segment, Speaker, Transcript

LINE_END = "\n"


def as_vtt(transcript: Transcript) -> str:
    """Return WebVTT (W3C) with a voice tag per cue."""
    cues = (
        f"{_clock(s.start_time, '.')} --> {_clock(s.end_time, '.')}\n<v {_name(s)}>{_escaped(s.text)}\n"
        for s in transcript.draft.segments
    )
    return LINE_END.join(("WEBVTT\n", *cues))


def as_srt(transcript: Transcript) -> str:
    """Return SubRip: numbered cues, with the speaker before the text."""
    cues = (
        f"{number}\n{_clock(s.start_time, ',')} --> {_clock(s.end_time, ',')}\n{_name(s)}: {_one_line(s.text)}\n"
        for number, s in enumerate(transcript.draft.segments, start=1)
    )
    return LINE_END.join(cues)


def as_text(transcript: Transcript) -> str:
    """Return one line per segment: `[hh:mm:ss] Speaker: text`."""
    lines = (f"[{_clock(s.start_time, '.')[:8]}] {_name(s)}: {_one_line(s.text)}\n" for s in transcript.draft.segments)
    return "".join(lines)


RENDERINGS: Mapping[str, Callable[[Transcript], str]] = {
    "text/vtt": as_vtt,
    "application/x-subrip": as_srt,
    "text/plain": as_text,
}


def _name(segment: Segment) -> str:
    if segment.speaker is Speaker.UNKNOWN and segment.voice:
        return f"Speaker {segment.voice}"
    return segment.speaker.value.capitalize()


def _clock(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{rest // 1000:02d}{point}{rest % 1000:03d}"


def _one_line(text: str) -> str:
    # A line break inside a cue would end it, or begin another.
    return visible(" ".join(text.split()))


def _escaped(text: str) -> str:
    return _one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

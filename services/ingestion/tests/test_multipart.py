"""The form of an upload: the same however it is cut, and bounded whatever it holds."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.common.errors import AppError
from services.ingestion.tests.ingestion_world import BOUNDARY, END, Form, part
from services.ingestion.upload.multipart import (
    FIELD_BYTES_MAX,
    FIELDS_MAX,
    PREAMBLE_BYTES_MAX,
    FieldRead,
    FileBegins,
    FileBytes,
    FileEnds,
    MultipartReader,
    Piece,
)

CONTENT_TYPE = f"multipart/form-data; boundary={BOUNDARY}"
HOSTILE = b"\r\n--" + BOUNDARY.encode()[:-1] + b"\r\n\r\n--\r\n-" + b"\r\n" * 50


def read(chunks: list[bytes]) -> list[Piece]:
    """Feed chunks and return the pieces, the file's bytes joined."""
    reader = MultipartReader(CONTENT_TYPE)
    pieces: list[Piece] = []
    for chunk in chunks:
        for piece in reader.feed(chunk):
            if isinstance(piece, FileBytes) and pieces and isinstance(pieces[-1], FileBytes):
                pieces[-1] = FileBytes(pieces[-1].data + piece.data)
            else:
                pieces.append(piece)
    reader.finish()
    return pieces


def refusal(chunks: list[bytes]) -> AppError:
    with pytest.raises(AppError) as caught:
        read(chunks)
    return caught.value


def test_a_form_is_read_in_order() -> None:
    form = Form({"patient_id": "p", "metadata": "{}"}, data=b"bytes", filename="a.wav", media_type="audio/wav")

    pieces = read([form.body()])

    assert pieces == [
        FieldRead("patient_id", "p"),
        FieldRead("metadata", "{}"),
        FileBegins(),
        FileBytes(b"bytes"),
        FileEnds(),
    ]


@settings(max_examples=150, deadline=None)
@given(
    data=st.one_of(
        st.binary(max_size=2000), st.lists(st.sampled_from([HOSTILE, b"\r", b"\n", b"-", b"x"])).map(b"".join)
    ),
    value=st.text(max_size=50),
    seed=st.integers(0, 2**32),
)
def test_any_cutting_of_the_body_gives_the_same_result(data: bytes, value: str, seed: int) -> None:
    body = Form({"field": value}, data=data).body()
    dice = random.Random(seed)
    cuts = sorted(dice.choices(range(len(body)), k=dice.randint(0, 30)))
    chunks = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]

    pieces = read([chunk for chunk in chunks if chunk])

    assert pieces[0] == FieldRead("field", value)
    assert b"".join(piece.data for piece in pieces if isinstance(piece, FileBytes)) == data


def test_one_byte_at_a_time_is_read_as_well() -> None:
    body = Form({"a": "b"}, data=HOSTILE).body()

    pieces = read([bytes([byte]) for byte in body])

    assert FileBytes(HOSTILE) in pieces


@settings(max_examples=200, deadline=None)
@given(st.lists(st.one_of(st.binary(max_size=200), st.just(b"--" + BOUNDARY.encode()), st.just(b"\r\n")), max_size=20))
def test_garbage_is_refused_with_a_problem_and_nothing_else(chunks: list[bytes]) -> None:
    error = refusal([chunk for chunk in chunks if chunk])

    assert error.problem.status in (413, 422)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("", 415),
        ("application/json", 415),
        ("multipart/mixed; boundary=x", 415),
        ("multipart/form-data", 422),
        ("multipart/form-data; boundary=" + "x" * 71, 422),
    ],
)
def test_another_content_type_is_refused(content_type: str, status: int) -> None:
    with pytest.raises(AppError) as caught:
        MultipartReader(content_type)

    assert caught.value.problem.status == status


def test_parts_after_the_file_have_their_own_problem() -> None:
    form = Form({})

    error = refusal([form.head() + b"x\r\n" + part("late", b"field") + END[2:]])

    assert error.problem.slug == "fields-after-file"


def test_a_body_that_ends_before_the_form_is_refused() -> None:
    assert refusal([Form({}).body()[:-4]]).problem.status == 422


def test_a_form_without_a_file_is_refused() -> None:
    assert refusal([part("a", b"b") + END[2:]]).problem.status == 422


@pytest.mark.parametrize(
    "body",
    [
        part("a", b"x" * (FIELD_BYTES_MAX + 1)),
        part("a", b"x") * (FIELDS_MAX + 1),
        part("a" * 3000, b"x"),
        f"--{BOUNDARY}\r\n".encode() + b"X-A: b\r\n" * 20,
        part("a", b"\xff\xfe"),
        f"--{BOUNDARY}\r\nContent-Disposition: attachment\r\n\r\nx".encode(),
    ],
    ids=["a huge field", "many fields", "a long header", "many headers", "not UTF-8", "no field name"],
)
def test_what_exceeds_a_limit_is_refused(body: bytes) -> None:
    assert refusal([body + Form({}).body()]).problem.status in (413, 422)


def test_a_preamble_without_end_is_not_read_for_ever() -> None:
    chunks = [b"\r\n" * 1024] * (PREAMBLE_BYTES_MAX // 1024)

    assert refusal(chunks).problem.status == 413

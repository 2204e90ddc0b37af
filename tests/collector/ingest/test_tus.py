"""The rules of tus by tables and properties."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.ingest import tus
from wire.errors import GleanerError

MOST = 1 << 40
sizes = st.integers(min_value=0, max_value=1 << 32)


def encoded(**pairs: str) -> str:
    return ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in pairs.items())


def creation(**more: str) -> dict[str, str]:
    return {"tus-resumable": "1.0.0", "upload-metadata": encoded(capture="cap-1", part="media")} | more


@given(st.dictionaries(st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.binary(max_size=20), max_size=4))
def test_metadata_comes_back(pairs: dict[str, bytes]) -> None:
    header = ",".join(f"{key} {base64.b64encode(value).decode()}" for key, value in pairs.items())
    assert tus.parse_metadata(header) == pairs


def test_metadata_may_have_keys_without_a_value_and_spaces_after_commas() -> None:
    assert tus.parse_metadata("flag,name YQ==, other YmM=,") == {"flag": b"", "name": b"a", "other": b"bc"}


@pytest.mark.parametrize(
    "header",
    ["capture ===", "capture YQ==,capture YQ==", "flag,flag", "capture YQ==, YWJj", " YQ==", "na\xefve YQ==",
     "a YQ== YQ==", "k " + "QUJD" * 2048],
)  # fmt: skip
def test_bad_metadata_is_one_sentence(header: str) -> None:
    with pytest.raises(tus.UploadMetadataInvalid):
        tus.parse_metadata(header)


@pytest.mark.parametrize(
    ("more", "length"), [({"upload-length": "5"}, 5), ({"upload-length": "0"}, 0), ({"upload-defer-length": "1"}, None)]
)
def test_creation_has_a_length_or_defers_it(more: dict[str, str], length: int | None) -> None:
    assert tus.parse_creation(creation(**more), MOST).length == length


@pytest.mark.parametrize(
    "more",
    [{}, {"upload-length": "5", "upload-defer-length": "1"}, {"upload-defer-length": "2"}, {"upload-length": "-1"},
     {"upload-length": "1e3"}, {"upload-length": " 5"}, {"upload-length": "٣"}],
)  # fmt: skip
def test_other_creations_are_refused(more: dict[str, str]) -> None:
    with pytest.raises(tus.TusHeaderInvalid):
        tus.parse_creation(creation(**more), MOST)


@pytest.mark.parametrize(
    "metadata",
    [{"capture": "cap-1"}, {"part": "media"}, {"capture": "", "part": "media"}, {"capture": "cap-1\n", "part": "media"},
     {"capture": "cap-1", "part": "media\n"}, {"capture": "cap-1", "part": "labels:.."}],
)  # fmt: skip
def test_half_a_claim_is_refused(metadata: dict[str, str]) -> None:
    with pytest.raises(tus.UploadMetadataInvalid):
        tus.parse_creation(creation(**{"upload-length": "5", "upload-metadata": encoded(**metadata)}), MOST)


def test_an_upload_may_belong_to_no_capture() -> None:
    made = tus.parse_creation(creation(**{"upload-length": "5", "upload-metadata": "filename YQ=="}), MOST)
    assert (made.capture, made.part, made.metadata) == (None, None, "filename YQ==")
    partial = tus.parse_creation(creation(**{"upload-length": "5", "upload-concat": "partial"}), MOST)
    assert (partial.capture, partial.concat) == (None, "partial")


@pytest.mark.parametrize(
    "more",
    [{"upload-concat": "half"}, {"upload-concat": "final;"}, {"upload-concat": "final;/api/uploads/"},
     {"upload-concat": "final;http://[/api/uploads/up-1"}, {"upload-concat": "final;/api/uploads/up-1 /files/up-2"},
     {"upload-concat": "final;" + " ".join(["/api/uploads/up-1"] * 65)},
     {"upload-concat": "final;/api/uploads/up-1", "upload-length": "5"},
     {"upload-concat": "final;/api/uploads/up-1", "content-type": tus.BODY_TYPE}],
)  # fmt: skip
def test_other_concatenations_are_refused(more: dict[str, str]) -> None:
    with pytest.raises(tus.ConcatInvalid):
        tus.parse_creation(creation(**more), MOST)


@given(offset=sizes, length=st.none() | sizes, at=sizes, said=st.none() | sizes, body=st.none() | sizes)
def test_a_chunk_begins_only_where_the_upload_stands_and_within_its_length(
    offset: int, length: int | None, at: int, said: int | None, body: int | None
) -> None:
    state = tus.UploadState(offset, length if length is None else max(length, offset))
    try:
        after = tus.begin_chunk(state, tus.Chunk(at, said, body, None), 1 << 31)
    except GleanerError as error:
        assert error.code in ("offset-mismatch", "upload-length-conflict", "upload-too-long")
        return
    assert at == offset == after.offset
    assert after.length in (state.length, said)
    assert state.length is None or after.length == state.length
    assert after.length is None or after.length >= after.offset
    assert body is None or after.length is None or offset + body <= after.length


def test_an_answer_names_the_expiry_until_the_upload_is_whole() -> None:
    expires = "2026-11-30T12:00:00.000000Z"
    assert tus.answer_headers(tus.UploadState(3, None), expires)["Upload-Expires"] == "Mon, 30 Nov 2026 12:00:00 GMT"
    assert tus.answer_headers(tus.UploadState(3, None), expires)["Upload-Defer-Length"] == "1"
    assert "Upload-Expires" not in tus.answer_headers(tus.UploadState(3, 3), expires)

"""Ground truth as COCO: the exact frames, boxes where they belong, ids that hold together."""

from __future__ import annotations

import io
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from collector.cli import app
from collector.exports.frames import exact_frames
from collector.exports.ids import Categories, stable_id
from collector.exports.outlines import area_of
from collector.exports.problems import MediaDamaged
from collector.exports.shapes import drawn
from prelabel.geometry.rle import encode
from tests.collector.review import filled as module
from tests.collector.review.filled import MODEL, TIMES, Filled, box, track
from tests.support.databases import command
from tests.support.exporting import HEIGHT, WIDTH, jpeg, video
from wire.labels import Box, Keypoints, Mask, Polygon, Rle


@pytest.fixture(scope="module")
def movie() -> bytes:
    return video(TIMES)


def decoded(body: bytes) -> list[np.ndarray[Any, Any]]:
    with av.open(io.BytesIO(body)) as container:
        return [frame.to_ndarray(format="bgr24") for frame in container.decode(video=0)]


def export(filled: Filled, to: Path, *more: str) -> Any:
    done = command(
        app, ["export", "--format", "coco", "--to", str(to), "--data", str(filled.folder), *more], filled.folder
    )
    assert done.exit_code == 0, (done.output, done.exception)
    return check(to)


def check(folder: Path) -> dict[str, Any]:
    """What a COCO reader relies on (https://cocodataset.org/#format-data)."""
    whole: dict[str, Any] = json.loads((folder / "annotations.json").read_text(encoding="utf-8"))
    assert {"info", "licenses", "images", "annotations", "categories"} == set(whole)
    for rows in (whole["images"], whole["annotations"], whole["categories"]):
        assert len({row["id"] for row in rows}) == len(rows) and all(row["id"] >= 1 for row in rows)
    images = {row["id"]: row for row in whole["images"]}
    categories = {row["id"] for row in whole["categories"]}
    assert {path.name for path in (folder / "images").iterdir()} == {row["file_name"] for row in images.values()}
    for row in images.values():
        picture = cv2.imread(str(folder / "images" / row["file_name"]))
        assert picture is not None and picture.shape[:2] == (row["height"], row["width"])
    assert (folder / "annotations" / "instances_default.json").read_bytes() == (
        folder / "annotations.json"
    ).read_bytes()
    assert all(row["id"] < 2**53 for row in whole["annotations"] + whole["images"])
    for row in whole["annotations"]:
        image = images[row["image_id"]]
        x, y, width, height = row["bbox"]
        assert x >= 0 and y >= 0 and width > 0 and height > 0 and row["area"] > 0 and row["iscrowd"] == 0
        assert x + width <= image["width"] + 1e-6 and y + height <= image["height"] + 1e-6
        assert row["category_id"] in categories and row["segmentation"]
        if isinstance(row["segmentation"], list):
            assert all(len(part) >= 6 and len(part) % 2 == 0 for part in row["segmentation"])
    return whole


def test_frames_are_the_frames_of_the_recording(filled: Filled, movie: bytes, tmp_path: Path) -> None:
    ids = filled.take("walk", "do", {"video": movie}, ["tracks"], prelabels={"video": [[track("m", (0, 9))]]})
    filled.make(ids["take"])
    gone = track("t2", (3, 7))
    gone["keyframes"][1]["visible"] = False
    filled.submit(filled.person("ann"), filled.tasks()[0].id, {ids["video"]: [track("t1", (1, 5)), gone]})
    whole = export(filled, tmp_path / "out", "--with-prelabels")
    names = [row["file_name"] for row in whole["images"]]
    assert names == [f"{ids['video']}_{frame:06d}.png" for frame in (1, 3, 5, 7)]
    frames = decoded(movie)
    for row in whole["images"]:
        assert row["start_us"] == TIMES[row["frame"]]
        picture = cv2.imread(str(tmp_path / "out" / "images" / row["file_name"]))
        assert np.array_equal(picture, frames[row["frame"]])
    frame_of = {row["id"]: row["frame"] for row in whole["images"]}
    seen = {(frame_of[row["image_id"]], row["attributes"]["label_id"]): row for row in whole["annotations"]}
    assert set(seen) == {(1, "t1"), (3, "t1"), (5, "t1"), (3, "t2"), (5, "t2")}
    share = (TIMES[3] - TIMES[1]) / (TIMES[5] - TIMES[1])
    assert seen[3, "t1"]["bbox"][0] == pytest.approx(4 + share * 16)
    assert seen[5, "t2"]["bbox"] == [12.0, 5.0, 20.0, 30.0]  # held until it is hidden
    tracks = {(row["attributes"]["label_id"], row["attributes"]["track_id"]) for row in whole["annotations"]}
    assert len(tracks) == 2 and len({number for _, number in tracks}) == 2
    results = json.loads((tmp_path / "out" / "prelabels.json").read_text())
    assert [frame_of[row["image_id"]] for row in results] == [1, 3, 5, 7]
    assert {row["score"] for row in results} == {0.6} and {tuple(row)[:4] for row in results} == {
        ("image_id", "category_id", "bbox", "score")
    }


def test_results_say_which_settings_made_them(filled: Filled, tmp_path: Path) -> None:
    """Where they were recorded: two devices with other thresholds are two detectors to whoever evaluates the file."""
    for number in range(2):
        ids = filled.take(f"show-{number}", "show", {"image": jpeg()}, ["boxes"], prelabels={"image": [[box("b1")]]})
        filled.make(ids["take"])
        filled.submit(filled.person(f"ann-{number}"), filled.tasks(take_id=ids["take"])[0].id, {ids["image"]: []})
    (row, _) = filled.rows("SELECT id, body FROM labels_document ORDER BY id")
    body = json.loads(row.body)
    body["source"] |= {"package": "c" * 64, "settings": "d" * 64}
    body["schema"] = 2
    filled.execute("UPDATE labels_document SET body = :body WHERE id = :id", body=json.dumps(body), id=row.id)
    export(filled, tmp_path / "out", "--with-prelabels")
    results = json.loads((tmp_path / "out" / "prelabels.json").read_text())
    said = sorted(row["attributes"].get("settings", "") for row in results)
    assert said == ["", "d" * 64] and all(row["attributes"]["sha256"] == MODEL["sha256"] for row in results)


def test_stills_with_their_boxes(filled: Filled, tmp_path: Path) -> None:
    ann = filled.person("ann")
    labels = [box("inside"), box("edge", "plate", x=-10.0, y=100.0, width=30.0, height=40.0)]
    for rows in (labels, []):
        ids = filled.take("show", "show", {"image": jpeg()}, ["boxes"])
        filled.make(ids["take"])
        filled.submit(ann, filled.tasks()[-1].id, {ids["image"]: rows})
    whole = export(filled, tmp_path / "out")
    assert [row["name"] for row in whole["categories"]] == ["cup", "plate", "person", "face"]
    assert len(whole["images"]) == 2  # the second one was looked at, and nothing was there
    inside, edge = whole["annotations"]
    assert (inside["bbox"], inside["category_id"]) == ([10, 20, 30, 40], 1)
    assert inside["segmentation"] == [[10, 20, 40, 20, 40, 60, 10, 60]]
    assert (edge["bbox"], edge["area"], edge["category_id"]) == ([0, 100, 20, 20], 400, 2)
    assert (tmp_path / "out" / "images" / whole["images"][0]["file_name"]).read_bytes() == jpeg()


def test_nothing_seen_in_a_video_is_its_first_frame_without_boxes(filled: Filled, movie: bytes, tmp_path: Path) -> None:
    ids = filled.take("walk", "do", {"video": movie}, ["tracks"])
    filled.make(ids["take"])
    filled.submit(filled.person("ann"), filled.tasks()[0].id, {ids["video"]: []})
    whole = export(filled, tmp_path / "out")
    assert [row["frame"] for row in whole["images"]] == [0] and whole["annotations"] == []


def test_every_id_stays_when_more_is_exported(
    filled: Filled, movie: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann = filled.person("ann")

    def add(medium: str, kind: str, labels: list[Any]) -> None:
        ids = filled.take("show", "show", {medium: jpeg() if medium == "image" else movie}, [kind])
        filled.make(ids["take"])
        filled.submit(ann, filled.tasks()[-1].id, {ids[medium]: labels})

    add("image", "boxes", [box("b1", "plate"), box("b2")])
    add("video", "tracks", [track("t1", (2, 6))])
    before = export(filled, tmp_path / "before")
    # The study gets a word in front of its others, another session comes from a device whose clock is behind, and a
    # lead corrects the first picture.
    monkeypatch.setattr(module, "SCHEMA", {**module.SCHEMA, "boxes": ["fork", "plate"], "tracks": ["hand", "person"]})
    monkeypatch.setattr(module, "START", module.START - timedelta(days=400))
    (picture,) = filled.rows("SELECT id FROM capture WHERE medium = 'image'")
    filled.submit(ann, filled.tasks()[0].id, {picture.id: [box("a0"), box("b2")]})
    filled.begin("kitchen", module.SCHEMA)
    add("image", "boxes", [box("x", "fork")])
    after = export(filled, tmp_path / "after")
    for part, name in (("categories", "name"), ("images", "file_name")):
        ids = {row[name]: row["id"] for row in after[part]}
        assert all(ids[row[name]] == row["id"] for row in before[part]), part
    assert [row["name"] for row in after["categories"]] == ["cup", "plate", "person", "face", "fork", "hand"]
    assert [row["id"] for row in after["categories"]] == [1, 2, 3, 4, 5, 6]

    def annotations(whole: dict[str, Any]) -> dict[Any, Any]:
        return {
            (row["image_id"], row["attributes"]["label_id"]): (row["id"], row["attributes"].get("track_id"))
            for row in whole["annotations"]
        }

    found = annotations(after)
    kept = {place: ids for place, ids in annotations(before).items() if place[1] != "b1"}
    assert len(kept) == 3 and kept.items() <= found.items()


@pytest.mark.parametrize(("asked", "wanted"), [("every", list(range(10))), ("4", [0, 4, 8]), ("10", [0]), ("900", [0])])
def test_frames_come_as_they_are_asked_for(
    filled: Filled, movie: bytes, tmp_path: Path, asked: str, wanted: list[int]
) -> None:
    ids = filled.take("walk", "do", {"video": movie}, ["tracks"], prelabels={"video": [[track("m", (0, 9))]]})
    filled.make(ids["take"])
    gone = track("gone", (1, 3, 6, 8))
    gone["keyframes"][1]["visible"] = False
    filled.submit(filled.person("ann"), filled.tasks()[0].id, {ids["video"]: [gone]})
    whole = export(filled, tmp_path / "out", "--frames", asked, "--with-prelabels")
    assert [row["frame"] for row in whole["images"]] == wanted
    frame_of = {row["id"]: row["frame"] for row in whole["images"]}
    here = [frame_of[row["image_id"]] for row in whole["annotations"]]
    # Held until it is hidden, away until it is seen again, over after its last keyframe.
    assert here == [frame for frame in wanted if frame in (1, 2, 6, 7, 8)]
    frames = decoded(movie)
    for row in whole["images"]:
        picture = cv2.imread(str(tmp_path / "out" / "images" / row["file_name"]))
        assert np.array_equal(picture, frames[row["frame"]]) and row["start_us"] == TIMES[row["frame"]]
    results = json.loads((tmp_path / "out" / "prelabels.json").read_text())
    assert [frame_of[row["image_id"]] for row in results] == wanted


def test_negatives_of_a_video_come_too(filled: Filled, movie: bytes, tmp_path: Path) -> None:
    ids = filled.take("walk", "do", {"video": movie}, ["tracks"])
    filled.make(ids["take"])
    filled.submit(filled.person("ann"), filled.tasks()[0].id, {ids["video"]: []})
    whole = export(filled, tmp_path / "out", "--frames", "3")
    assert [row["frame"] for row in whole["images"]] == [0, 3, 6, 9] and whole["annotations"] == []


@pytest.mark.parametrize("asked", ["0", "-1", "1.5", "all", "", "\u0663", "99999999999"])
def test_a_wrong_choice_of_frames_is_refused(filled: Filled, tmp_path: Path, asked: str) -> None:
    words = ["export", "--format", "coco", "--frames", asked, "--to", str(tmp_path / "out")]
    done = command(app, [*words, "--data", str(filled.folder)], filled.folder)
    assert done.exit_code == 2 and not (tmp_path / "out").exists()


def test_ids_are_numbers_that_every_reader_can_hold() -> None:
    assert stable_id("image", "cap-1") == 7278566933388817
    found = {stable_id("image", "cap-1", frame) for frame in range(20_000)}
    assert len(found) == 20_000 and min(found) >= 1 and max(found) < 2**53
    words = Categories({"cup": 1})
    assert words.id_of("cup") == 1 and 10**9 <= words.id_of("saucer") < 2 * 10**9
    assert words.id_of("saucer") == Categories({}).id_of("saucer")


def test_what_coco_cannot_carry_is_counted(filled: Filled, tmp_path: Path) -> None:
    ids = filled.take("ask", "answer", {"text": b"yes"}, ["text"])
    filled.make(ids["take"])
    words = {"id": "w", "kind": "text", "label": "answer", "score": None, "text": "yes"}
    filled.submit(filled.person("ann"), filled.tasks()[0].id, {ids["text"]: [words]})
    words = ["export", "--format", "coco", "--to", str(tmp_path / "out"), "--data", str(filled.folder), "--json"]
    done = command(app, words, filled.folder)
    assert json.loads(done.stdout.splitlines()[-1])["left_out"] == 1


def test_every_frame_by_its_number(movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "movie"
    path.write_bytes(movie)
    frames = decoded(movie)
    assert len(frames) == len(TIMES)
    for wanted in ([0], [9], [2, 3, 9], list(range(10))):
        found = dict(exact_frames(path, wanted))
        assert sorted(found) == wanted
        assert all(np.array_equal(found[index], frames[index]) for index in wanted)


def test_a_video_that_ends_too_soon_or_is_none(movie: bytes, tmp_path: Path) -> None:
    path = tmp_path / "movie"
    path.write_bytes(movie)
    with pytest.raises(MediaDamaged, match="before frame 10"):
        list(exact_frames(path, [3, 10]))
    path.write_bytes(b"no video at all")
    with pytest.raises(MediaDamaged):
        list(exact_frames(path, [0]))


@given(
    st.floats(-200, 200),
    st.floats(-200, 200),
    st.floats(0, 300),
    st.floats(0, 300),
    st.sampled_from([None, 30.0, 90.0]),
)
def test_what_is_drawn_lies_in_the_picture(
    x: float, y: float, width: float, height: float, rotation: float | None
) -> None:
    label = Box(id="b", label="cup", x=x, y=y, width=width, height=height, rotation=rotation)
    here = drawn(label, None, None, WIDTH, HEIGHT)
    if here is not None:
        assert here.bbox[0] >= 0 and here.bbox[0] + here.bbox[2] <= WIDTH + 1e-6
        assert here.bbox[1] >= 0 and here.bbox[1] + here.bbox[3] <= HEIGHT + 1e-6
        assert isinstance(here.segmentation, list) and len(here.segmentation[0]) >= 6


def test_a_polygon_keeps_its_outline_and_area() -> None:
    label = Polygon(id="p", label="cup", kind="polygon", points=[(0, 0), (10, 0), (0, 10)])
    here = drawn(label, None, None, WIDTH, HEIGHT)
    assert here is not None and here.bbox == [0, 0, 10, 10] and here.area == 50
    assert area_of([(0, 0), (4, 0), (4, 2), (0, 2)]) == 8


@given(st.floats(-60, 200), st.floats(-60, 160), st.floats(5, 200), st.floats(5, 200), st.floats(1, 359))
def test_a_turned_box_is_cut_at_the_edge(x: float, y: float, width: float, height: float, degrees: float) -> None:
    """Against a count of the sample points inside both; 4 per pixel in each direction."""
    label = Box(id="b", label="cup", x=x, y=y, width=width, height=height, rotation=degrees)
    here = drawn(label, None, None, WIDTH, HEIGHT)
    across, down = np.meshgrid((np.arange(WIDTH * 4) + 0.5) / 4, (np.arange(HEIGHT * 4) + 0.5) / 4)
    angle = np.radians(degrees)
    dx, dy = across - x - width / 2, down - y - height / 2
    along, off = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
    inside = (abs(along) <= width / 2) & (abs(off) <= height / 2)
    slack = (width + height) / 2 + 1  # an outline cuts so many samples of 1/16 px at most
    assert (0.0 if here is None else here.area) == pytest.approx(inside.sum() / 16, abs=slack)
    if here is not None and inside.any():
        rows, columns = np.nonzero(inside)
        assert here.bbox[0] <= columns.min() / 4 + 0.25 and here.bbox[1] <= rows.min() / 4 + 0.25
        assert here.bbox[0] + here.bbox[2] >= columns.max() / 4 and here.bbox[1] + here.bbox[3] >= rows.max() / 4


def test_an_outline_over_a_corner_is_cut_and_not_bent() -> None:
    corner = Polygon(id="p", kind="polygon", label="cup", points=[(140, 130), (170, 100), (170, 130)])
    here = drawn(corner, None, None, WIDTH, HEIGHT)
    assert here is not None and here.bbox == [150, 110, 10, 10] and here.area == pytest.approx(50)
    beside = Polygon(id="p", kind="polygon", label="cup", points=[(150, 135), (175, 110), (175, 135)])
    assert drawn(beside, None, None, WIDTH, HEIGHT) is None


def test_masks_and_poses_are_exported(filled: Filled, tmp_path: Path) -> None:
    body = encode(np.ones((10, 20), dtype=bool), HEIGHT, WIDTH, top=30, left=40)
    mask = Mask(id="m", label="cup", score=0.5, rle=body).to_json()
    pose = Keypoints(
        id="k", label="plate", score=0.5, points=[(10, 20, 2), (0, 0, 0), (30, 60, 1), (-4, 5, 2)]
    ).to_json()
    ids = filled.take("show", "show", {"image": jpeg()}, ["boxes"], prelabels={"image": [[mask, pose]]})
    filled.make(ids["take"])
    filled.submit(filled.person("ann"), filled.tasks()[0].id, {ids["image"]: [mask, pose]})
    whole = export(filled, tmp_path / "out", "--with-prelabels")
    first, second = whole["annotations"]
    assert first["segmentation"] == {"size": [HEIGHT, WIDTH], "counts": body.counts}
    assert (first["bbox"], first["area"]) == ([40, 30, 20, 10], 200)
    assert second["keypoints"] == [10, 20, 2, 0, 0, 0, 30, 60, 1, 0, 0, 0] and second["num_keypoints"] == 2
    assert second["bbox"] == [10, 20, 20, 40]
    assert next(row for row in whole["categories"] if row["name"] == "plate")["keypoints"] == ["1", "2", "3", "4"]
    results = json.loads((tmp_path / "out" / "prelabels.json").read_text())
    assert results[0]["segmentation"] == first["segmentation"] and results[1]["keypoints"] == second["keypoints"]


def test_every_annotation_can_be_read_as_a_mask(filled: Filled, tmp_path: Path) -> None:
    from faster_coco_eval import COCO

    body = encode(np.ones((10, 20), dtype=bool), HEIGHT, WIDTH)
    labels = [
        box("b"),
        box("r") | {"rotation": 30.0},
        Mask(id="m", label="cup", rle=body).to_json(),
        Keypoints(id="k", label="cup", points=[(10, 20, 2), (30, 60, 1)]).to_json(),
    ]
    ids = filled.take("show", "show", {"image": jpeg()}, ["boxes"])
    filled.make(ids["take"])
    filled.submit(filled.person("ann"), filled.tasks()[0].id, {ids["image"]: labels})
    known = COCO(export(filled, tmp_path / "out"))
    areas = [int(known.annToMask(row).sum()) for row in known.dataset["annotations"]]
    assert areas == pytest.approx([1200, 1200, 200, 800], rel=0.1)


def test_a_mask_of_another_size_is_not_exported() -> None:
    for rle in (Rle(size=(10, 10), counts="zzz garbage"), Rle(size=(HEIGHT, WIDTH), counts="zzz garbage")):
        assert drawn(Mask(id="m", label="cup", rle=rle), None, None, WIDTH, HEIGHT) is None

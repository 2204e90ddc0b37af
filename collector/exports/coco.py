"""Ground truth as COCO: `annotations.json`, `images/`, and with pre-labels `prelabels.json` in the results format.

Shape: https://cocodataset.org/#format-data. Boxes are x, y, width, height in pixels, clipped to the picture. Every id
stays the same from one export to the next (ids.py). A track gives an annotation on every exported frame where it is in
the picture, with an integer `track_id` in its attributes.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import cv2

from collector.exports.folder import copy_blob
from collector.exports.frames import Picture, exact_frames
from collector.exports.ids import Categories, stable_id
from collector.exports.problems import FolderNotWritable, MediaDamaged
from collector.exports.shapes import carried, drawn
from collector.exports.spill import Spill
from collector.exports.summary import Summary
from collector.exports.sums import Sums
from collector.exports.truth import ALL, Item, Media, Selection, item_ids, items
from collector.store.blobs import BlobStore, read_whole
from collector.store.database import Database
from collector.studies.categories import categories
from wire.base import format_utc
from wire.capture import FrameTable
from wire.labels import LabelsDocument, Mask, Track

ANNOTATIONS, PRELABELS, IMAGES = "annotations.json", "prelabels.json", "images"
LICENCE_ID = 1
# Where Datumaro, CVAT and Ultralytics look for them: the same file under a second name.
LINKED = Path("annotations", "instances_default.json")


@dataclass
class Image:
    """One picture of the export. `frame` and `start_us` are None for a still."""

    id: int
    file_name: str
    width: int
    height: int
    frame: int | None
    start_us: int | None


def export_coco(
    db: Database,
    blobs: BlobStore,
    folder: Path,
    *,
    with_prelabels: bool,
    begin: Callable[[int], None],
    advance: Callable[[], None],
    every: int | None = None,
    selection: Selection = ALL,
    licence: str | None = None,
) -> Summary:
    """Fill an empty folder. `begin` is called with the number of items, `advance` is called after each.

    Stills come with their boxes; of a video come the frames 0, `every`, 2 * `every`, …, with and without boxes. Without
    `every` come those on which a person set a keyframe, and the first one where the reviewer found nothing at all.
    Pre-labels are given on the same pictures, so the two files can be compared.

    Raises:
        MediaDamaged, BlobMissing.
    """
    # One answer per picture: every label would be there twice.
    ids = item_ids(db, selection=selection, all_rounds=False)
    begin(len(ids))
    summary, words = Summary(), Categories(db.read_sync(categories))
    (folder / IMAGES).mkdir()
    with (
        Sums(folder) as sums,
        Spill(folder, ".images") as images,
        Spill(folder, ".annotations") as annotations,
        Spill(folder, ".prelabels") as prelabels,
    ):
        for item in items(db, ids, with_prelabels=with_prelabels):
            summary.withheld += item.withheld
            if item.type not in ("boxes", "tracks"):
                summary.left_out += sum(len(document.labels) for document in item.labels_documents)
            else:
                if item.documents:
                    summary.contents.add(item)
                for document in item.labels_documents:
                    shown = [row for row in item.prelabels.shown if row.capture == document.capture]
                    for image in _pictures(blobs, sums, folder / IMAGES, item.media[document.capture], document, every):
                        images.add(_image_row(image, item, document.capture, licence))
                        summary.images += 1
                        annotations.add_all(_annotations(document, image, words))
                        summary.prelabels += prelabels.add_all(_results(shown, image, words))
                    summary.documents += 1
                    summary.labels += len(document.labels)
                    summary.left_out += sum(not carried(label) for label in document.labels)
            advance()
        _assemble(folder / ANNOTATIONS, words, images, annotations, licence)
        _link(folder / ANNOTATIONS, folder / LINKED)
        made = [folder / ANNOTATIONS, folder / LINKED]
        if with_prelabels:
            made.append(folder / PRELABELS)
            with made[-1].open("w", encoding="utf-8") as file:
                _list(file, prelabels)
        for path in made:
            sums.add(path)
    return summary


def _pictures(
    blobs: BlobStore, sums: Sums, folder: Path, media: Media, document: LabelsDocument, every: int | None
) -> Iterator[Image]:
    """Write the pictures a document is exported on; each is yielded when its file is there."""
    if media.medium == "image":
        name = f"{media.capture}.{media.extension}"
        copy_blob(blobs, media.original, folder / name)
        sums.add(folder / name, media.original)
        width, height = _size(folder / name, media)
        yield Image(stable_id("image", media.capture), name, width, height, None, None)
        return
    if media.frames is None:
        raise MediaDamaged(f"The video {media.capture} has no frame table.")
    times = FrameTable.read(read_whole(blobs, media.frames)).times_us
    with blobs.local_file(media.original) as video:
        for index, picture in exact_frames(video, _wanted(document, len(times), every)):
            name = f"{media.capture}_{index:06d}.png"
            sums.add(folder / name, _write_picture(folder / name, picture))
            height, width = picture.shape[:2]
            yield Image(stable_id("image", media.capture, index), name, width, height, index, times[index])


def _wanted(document: LabelsDocument, frames: int, every: int | None) -> list[int]:
    """The frames of a video that are exported, rising."""
    if every is not None:
        return list(range(0, frames, every))
    tracks = [label for label in document.labels if isinstance(label, Track)]
    return sorted({row.frame for track in tracks for row in track.keyframes}) or [0][:frames]


def _write_picture(path: Path, picture: Picture) -> str:
    """Returns the sha256 of the file."""
    # PNG, because a JPEG would no longer be the frame that was decoded.
    done, body = cv2.imencode(".png", picture, [cv2.IMWRITE_PNG_COMPRESSION, 2])
    if not done:
        raise FolderNotWritable(f"The picture {path.name} could not be encoded.")
    path.write_bytes(body.tobytes())
    return hashlib.sha256(body.tobytes()).hexdigest()


def _size(path: Path, media: Media) -> tuple[int, int]:
    if media.format.width and media.format.height:
        return media.format.width, media.format.height
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    if picture is None:
        raise MediaDamaged(f"The still {media.capture} is not a picture.")
    return int(picture.shape[1]), int(picture.shape[0])


def _image_row(image: Image, item: Item, capture: str, licence: str | None) -> dict[str, Any]:
    row: dict[str, Any] = {"id": image.id, "file_name": image.file_name, "width": image.width, "height": image.height}
    if licence is not None:
        row["license"] = LICENCE_ID
    where = {"capture": capture, "frame": image.frame, "start_us": image.start_us}
    whose = {"task": item.task, "revision": item.revision, "reviewer": item.reviewer}
    rights = {"consent_until": item.media[capture].consent_until, "instruction_version": item.instruction_version}
    return {**row, **where, **whose, **rights, **item.origin}


def _annotations(document: LabelsDocument, image: Image, words: Categories) -> Iterator[dict[str, Any]]:
    for label in document.labels:
        here = drawn(label, image.frame, image.start_us, image.width, image.height)
        if here is None:
            continue
        source = label.source or document.source
        attributes = {**here.attributes, "label_id": label.id, "source": source.name, "edited": label.edited}
        if isinstance(label, Track):
            attributes["track_id"] = stable_id("track", document.capture, label.id)
        row = {
            "id": stable_id("annotation", image.id, label.id),
            "image_id": image.id,
            "category_id": words.id_of(label.label),
            "bbox": here.bbox,
            "area": here.area,
            "iscrowd": 0,
            "segmentation": here.segmentation,
            "attributes": attributes,
        }
        if here.keypoints is not None:
            count = len(here.keypoints) // 3
            words.points[label.label] = max(count, words.points.get(label.label, 0))
            row |= {"keypoints": here.keypoints, "num_keypoints": sum(v > 0 for v in here.keypoints[2::3])}
        yield row


def _results(documents: list[LabelsDocument], image: Image, words: Categories) -> Iterator[dict[str, Any]]:
    """Detection results: {image_id, category_id, bbox, score}; a label without a score counts as certain."""
    for document in documents:
        for label in document.labels:
            here = drawn(label, image.frame, image.start_us, image.width, image.height)
            if here is None:
                continue
            score = 1.0 if label.score is None else label.score
            row = {
                "image_id": image.id,
                "category_id": words.id_of(label.label),
                "bbox": here.bbox,
                "score": score,
            }
            if isinstance(label, Mask):
                row["segmentation"] = here.segmentation
            if here.keypoints is not None:
                row["keypoints"] = here.keypoints
            source = label.source or document.source
            ran = {name: value for name in ("package", "settings") if (value := getattr(source, name)) is not None}
            yield {**row, "attributes": {"label_id": label.id, "source": source.name, "sha256": source.sha256, **ran}}


def _assemble(path: Path, words: Categories, images: Spill, annotations: Spill, licence: str | None) -> None:
    info = {"description": "Gleaner ground truth", "version": "1", "date_created": format_utc(datetime.now(UTC))}
    licences = [] if licence is None else [{"id": LICENCE_ID, "name": licence, "url": ""}]
    rows = [_category(word, number, words.points.get(word)) for word, number in words.listed.items()]
    with path.open("w", encoding="utf-8") as file:
        file.write(f'{{"info": {json.dumps(info)}, "licenses": {json.dumps(licences, ensure_ascii=False)}, "images": ')
        _list(file, images)
        file.write(',\n"annotations": ')
        _list(file, annotations)
        file.write(f',\n"categories": {json.dumps(rows, ensure_ascii=False)}}}\n')


def _category(word: str, number: int, points: int | None) -> dict[str, Any]:
    """A category. Points have no names in the labels, so they are numbered and without a skeleton."""
    row: dict[str, Any] = {"id": number, "name": word, "supercategory": ""}
    if points is not None:
        row |= {"keypoints": [str(index) for index in range(1, points + 1)], "skeleton": []}
    return row


def _link(path: Path, target: Path) -> None:
    target.parent.mkdir()
    try:
        target.hardlink_to(path)
    except OSError:  # a file system without links
        shutil.copyfile(path, target)


def _list(file: TextIO, rows: Spill) -> None:
    file.write("[")
    for number, line in enumerate(rows.lines()):
        file.write(("," if number else "") + "\n" + line)
    file.write("]")

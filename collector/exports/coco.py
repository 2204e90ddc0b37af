"""Ground truth as COCO: `annotations.json`, `images/`, and with pre-labels `prelabels.json` in the results format.

Shape: https://cocodataset.org/#format-data. Boxes are x, y, width, height in pixels, clipped to the picture. Every id
stays the same from one export to the next (ids.py). A track gives an annotation on every exported frame where it is in
the picture, with an integer `track_id` in its attributes.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from collector.exports.ids import Categories, stable_id
from collector.exports.media_files import MediaFiles, Request
from collector.exports.media_work import ExportedFile
from collector.exports.problems import MediaDamaged
from collector.exports.shapes import carried, drawn
from collector.exports.spill import Spill
from collector.exports.summary import Summary
from collector.exports.sums import Sums
from collector.exports.truth import ALL, Item, Media, Selection, item_ids, items
from collector.store.database import Database
from collector.studies.categories import categories
from wire.base import format_utc
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
    media: MediaFiles,
    folder: Path,
    *,
    with_prelabels: bool,
    begin: Callable[[int], None],
    advance: Callable[[int], None],
    every: int | None = None,
    selection: Selection = ALL,
    licence: str | None = None,
) -> Summary:
    """Fill an empty folder. `begin` is called with the number of items, `advance` after each with the bytes so far.

    Stills come with their boxes; of a video come the frames 0, `every`, 2 * `every`, …, with and without boxes. Without
    `every` come those on which a person set a keyframe, and the first one where the reviewer found nothing at all.
    Pre-labels are given on the same pictures, so the two files can be compared.

    Raises:
        What `MediaFiles.of` raises.
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
        for item, files in media.of(items(db, ids, with_prelabels=with_prelabels), partial(_wanted, every=every)):
            summary.withheld += item.withheld
            if item.type not in ("boxes", "tracks"):
                summary.left_out += sum(len(document.labels) for document in item.labels_documents)
            else:
                if item.documents:
                    summary.contents.add(item)
                for document, made in zip(item.labels_documents, files, strict=True):
                    shown = [row for row in item.prelabels.shown if row.capture == document.capture]
                    for file in made:
                        sums.add(folder / file.name, file.sha256)
                        image = _image(item.media[document.capture], file)
                        images.add(_image_row(image, item, document.capture, licence))
                        summary.images += 1
                        annotations.add_all(_annotations(document, image, words))
                        summary.prelabels += prelabels.add_all(_results(shown, image, words))
                    summary.documents += 1
                    summary.labels += len(document.labels)
                    summary.left_out += sum(not carried(label) for label in document.labels)
            advance(sums.bytes)
        _assemble(folder / ANNOTATIONS, words, images, annotations, licence)
        _link(folder / ANNOTATIONS, folder / LINKED)
        sums.add(folder / ANNOTATIONS)
        sums.add(folder / LINKED)
        if with_prelabels:
            _write_results(folder / PRELABELS, prelabels)
            sums.add(folder / PRELABELS)
    return summary


def _wanted(item: Item, every: int | None) -> list[Request]:
    """What makes the pictures of an item: one request per document."""
    if item.type not in ("boxes", "tracks"):
        return []
    return [_picture_request(item.media[document.capture], document, every) for document in item.labels_documents]


def _picture_request(media: Media, document: LabelsDocument, every: int | None) -> Request:
    if media.medium == "image":
        name = f"{IMAGES}/{media.capture}.{media.extension}"
        return {"key": media.original, "name": name, "sized": not media.size}
    if media.frames is None:
        raise MediaDamaged(f"The video {media.capture} has no frame table.")
    tracks = [label for label in document.labels if isinstance(label, Track)]
    keyframes = sorted({row.frame for track in tracks for row in track.keyframes}) or [0]
    return {
        "key": media.original,
        "table": media.frames,
        "prefix": f"{IMAGES}/{media.capture}",
        "every": every,
        "frames": keyframes,
    }


def _image(media: Media, file: ExportedFile) -> Image:
    width, height = (file.width, file.height) if file.width and file.height else media.size or (0, 0)
    name = file.name.removeprefix(f"{IMAGES}/")
    where = () if file.frame is None else (file.frame,)
    return Image(stable_id("image", media.capture, *where), name, width, height, file.frame, file.start_us)


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


def _write_results(path: Path, prelabels: Spill) -> None:
    with path.open("w", encoding="utf-8") as file:
        _list(file, prelabels)


def _list(file: TextIO, rows: Spill) -> None:
    file.write("[")
    for number, line in enumerate(rows.lines()):
        file.write(("," if number else "") + "\n" + line)
    file.write("]")

"""What people are shown of a capture's pre-labels, and under which ids: the one definition. Pure.

The queue, the page, the quality report and the exports all use `shown_labels`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from wire.labels import Label, LabelsDocument


@dataclass(frozen=True)
class ShownLabels:
    """The documents of models and scripts: those that people are shown, and those that are hidden from them.

    Label ids are unique per capture over both; the shown ones come first, so a hidden document renames none of them.
    """

    shown: list[LabelsDocument]
    hidden: list[LabelsDocument]


def shown_labels(rows: Iterable[tuple[str, bool]]) -> ShownLabels:
    """Split the stored documents by their mark and make the label ids unique.

    Args:
        rows: (body, shown) of every document that no person wrote, in the order of their ids.
    """
    read = [(LabelsDocument.read_stored(body), bool(seen)) for body, seen in rows]
    shown = [document for document, seen in read if seen]
    apart = unique_label_ids([*shown, *(document for document, seen in read if not seen)])
    return ShownLabels(apart[: len(shown)], apart[len(shown) :])


def unique_label_ids(documents: Sequence[LabelsDocument]) -> list[LabelsDocument]:
    """Documents with label ids that are unique per capture.

    Ids are unique in a document only; two models may use the same. The later one gets `-2`, `-3`, …; the page shows
    these ids and the diff is made against them. The same documents always give the same ids.
    """
    taken: dict[str, set[str]] = {}
    result: list[LabelsDocument] = []
    for document in documents:
        used = taken.setdefault(document.capture, set())
        own = {label.id for label in document.labels}
        if used.isdisjoint(own):
            used |= own
            result.append(document)
            continue
        renamed: dict[str, str] = {}
        for label in document.labels:
            renamed[label.id] = label.id if label.id not in used else _free_id(label.id, used | own)
            used.add(renamed[label.id])
        labels = [_renamed(label, renamed) for label in document.labels]
        result.append(document.model_copy(update={"labels": labels}))
    return result


def _free_id(name: str, used: set[str]) -> str:
    number, free = 1, name
    while free in used:
        number += 1
        tail = f"-{number}"
        free = name[: 64 - len(tail)] + tail
    return free


def _renamed(label: Label, names: dict[str, str]) -> Label:
    parent = names.get(label.parent, label.parent) if label.parent else None
    if names[label.id] == label.id and parent == label.parent:
        return label
    return label.model_copy(update={"id": names[label.id], "parent": parent})

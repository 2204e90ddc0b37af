"""The preview: the newest small frame, only where and while it may be seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from device_agent.takes.preview import Preview
from tests.support.take_bench import Bench


@pytest.mark.parametrize(
    ("masks_pictures", "page_is_local", "shown"),
    [(False, True, True), (False, False, True), (True, True, True), (True, False, False)],
)
def test_unmasked_pictures_leave_this_machine_only_where_nothing_is_masked(
    bench: Bench, masks_pictures: bool, page_is_local: bool, shown: bool
) -> None:
    bench.video.deliver(bench.camera.frame())
    preview = Preview(masks_pictures=masks_pictures, page_is_local=page_is_local)
    assert preview.has_picture(bench.video) == shown
    assert (preview.jpeg(bench.video) is not None) == shown


def test_the_same_bytes_until_there_is_a_newer_frame_and_none_while_paused(bench: Bench) -> None:
    preview = Preview(masks_pictures=False, page_is_local=True)
    assert preview.jpeg(None) is None and preview.jpeg(bench.video) is None
    bench.video.deliver(bench.camera.frame())
    first = preview.jpeg(bench.video)
    assert first is not None and preview.jpeg(bench.video) is first
    size = cv2.imdecode(np.frombuffer(first, np.uint8), cv2.IMREAD_COLOR).shape[:2]
    assert size == (bench.camera.lores_height, bench.camera.lores_width)
    bench.video.deliver(bench.camera.frame())
    assert preview.jpeg(bench.video) is not first
    bench.video.suspend()
    assert not preview.has_picture(bench.video) and preview.jpeg(bench.video) is None

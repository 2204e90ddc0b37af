"""Exact frames of a video: frame n is the n-th decoded frame, whatever the container's clock says."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from collector.exports.problems import MediaDamaged

Picture = NDArray[np.uint8]


def exact_frames(path: Path, wanted: Sequence[int]) -> Iterator[tuple[int, Picture]]:
    """(index, picture) of the wanted frames, rising; a picture is (height, width, 3), blue green red.

    The file is decoded from its start without seeking: a recording cut by a power failure has no index, and a seek in
    it may land next to the frame.

    Raises:
        MediaDamaged: the file does not decode as far as the last wanted frame.
    """
    left = sorted(set(wanted))
    if not left:
        return
    index = -1
    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for index, frame in enumerate(container.decode(stream)):
                if index == left[0]:
                    yield index, _picture(frame)
                    left.pop(0)
                    if not left:
                        return
    except (av.error.FFmpegError, IndexError) as error:
        raise MediaDamaged(f"The video {path.name[:12]}… does not decode after frame {index}: {error}.") from error
    raise MediaDamaged(f"The video {path.name[:12]}… ends after frame {index}, before frame {left[0]}.")


def _picture(frame: Any) -> Picture:
    picture: Picture = frame.to_ndarray(format="bgr24")
    return picture

"""The newest picture of the camera for the session page: in memory alone, never on a disk."""

from __future__ import annotations

import cv2

from device_agent.takes.streams import VideoStream

PREVIEW_QUALITY = 70


class Preview:
    """It is not masked. Where pictures are masked, only the screen of this machine may show it."""

    def __init__(self, *, masks_pictures: bool, page_is_local: bool) -> None:
        self._is_allowed = page_is_local or not masks_pictures
        self._newest: tuple[int, bytes] | None = None

    def has_picture(self, video: VideoStream | None) -> bool:
        """Also False while paused and after the end: nobody looks into the room then."""
        return self._is_allowed and video is not None and not video.suspended and video.newest is not None

    def jpeg(self, video: VideoStream | None) -> bytes | None:
        """The newest small frame as a JPEG; the same bytes until there is a newer one. None: there is none to show."""
        frame = video.newest if video is not None and self.has_picture(video) else None
        if frame is None:
            return None
        made = self._newest
        if made is None or made[0] != frame.index:
            picture = cv2.cvtColor(frame.lores, cv2.COLOR_YUV2BGR_I420)
            _, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, PREVIEW_QUALITY])
            made = self._newest = (frame.index, data.tobytes())
        return made[1]

"""The kitchen behind the person: painted once, out of focus like a real background, with a sharp counter in front."""

from __future__ import annotations

import cv2
import numpy as np

from device_agent.sensors.base import Picture

COUNTER_TOP = 0.845  # of the height: what stands behind the counter is cut off here
# Where the background goes soft, in pixels of a picture 720 high: a lens focused on the person at two metres.
_OUT_OF_FOCUS = 3.2


def counter_top(height: int) -> int:
    """The first row of the counter, even so that colour planes are cut at the same place."""
    return round(height * COUNTER_TOP / 2) * 2


def paint(width: int, height: int, seed: int) -> Picture:
    """The empty scene, BGR uint8 (height, width, 3). Drawn at 1280x720 and scaled, so that every size looks alike."""
    draw = np.random.default_rng(seed)
    scene = _wall(draw)
    _window(scene, draw)
    _shelf(scene)
    _lamp(scene)
    scene = np.asarray(cv2.GaussianBlur(scene, (0, 0), _OUT_OF_FOCUS), np.uint8)
    _counter(scene, draw)
    _light(scene)
    if (width, height) != (1280, 720):
        scene = np.asarray(cv2.resize(scene, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return scene


def _wall(draw: np.random.Generator) -> Picture:
    """Plaster above, glazed tiles below, each tile a little different."""
    down = np.linspace(0, 1, 720, dtype=np.float32)[:, None, None]
    top, bottom = np.array([206, 218, 224], np.float32), np.array([176, 192, 202], np.float32)
    scene = np.broadcast_to((top * (1 - down) + bottom * down).astype(np.uint8), (720, 1280, 3)).copy()
    tile_width, tile_height = 76, 44
    for row, y in enumerate(range(318, 640, tile_height)):
        shift = tile_width // 2 if row % 2 else 0
        for x in range(-shift, 1280, tile_width):
            tone = np.array([188, 198, 190], np.float32) + draw.normal(0, 5) + draw.normal(0, 2, 3)
            scene[y : y + tile_height - 3, max(0, x) : x + tile_width - 3] = np.clip(tone, 0, 235)
            # The glaze catches the window's light along the upper edge.
            scene[y : y + 5, max(0, x) : x + tile_width - 3] += 14
            scene[y + tile_height - 3 : y + tile_height, max(0, x) : x + tile_width] = (150, 158, 156)
    cv2.rectangle(scene, (0, 306), (1280, 318), (120, 142, 160), -1)
    return scene


def _window(scene: Picture, draw: np.random.Generator) -> None:
    left, top, right, bottom = 860, 36, 1150, 292
    down = np.linspace(0, 1, bottom - top, dtype=np.float32)[:, None, None]
    sky = np.array([250, 238, 214], np.float32) * (1 - down) + np.array([238, 246, 248], np.float32) * down
    scene[top:bottom, left:right] = sky
    view = np.ascontiguousarray(scene[top:bottom, left:right])
    for _ in range(90):
        x, y = int(draw.integers(0, right - left)), int(bottom - top - abs(draw.normal(0, 26)))
        tone = float(draw.uniform(0.8, 1.15))
        cv2.circle(view, (x, y), int(draw.integers(12, 28)), (104 * tone, 160 * tone, 128 * tone), -1)
    scene[top:bottom, left:right] = cv2.GaussianBlur(view, (0, 0), 5)
    frame = (232, 238, 240)
    cv2.rectangle(scene, (left, top), (right, bottom), frame, 14)
    cv2.line(scene, ((left + right) // 2, top), ((left + right) // 2, bottom), frame, 9)
    cv2.line(scene, (left, top + 96), (right, top + 96), frame, 7)
    cv2.rectangle(scene, (left - 26, bottom), (right + 26, bottom + 16), (222, 230, 234), -1)


def _shelf(scene: Picture) -> None:
    """A wooden shelf with jars, plates and a plant, left."""
    board = (84, 122, 158)
    for y in (150, 268):
        cv2.rectangle(scene, (70, y), (610, y + 13), board, -1)
        cv2.rectangle(scene, (70, y + 13), (610, y + 20), (150, 164, 172), -1)
    jars = [
        (110, 150, 46, 84, (96, 150, 190)), (172, 150, 46, 70, (110, 176, 206)), (234, 150, 46, 92, (70, 98, 142)),
        (300, 150, 40, 62, (140, 186, 200)), (520, 150, 52, 76, (150, 130, 92)),
        (110, 268, 64, 44, (214, 206, 190)), (420, 268, 58, 74, (88, 120, 186)), (500, 268, 58, 58, (196, 178, 132)),
    ]  # fmt: skip
    for x, foot, width, height, colour in jars:
        cv2.rectangle(scene, (x, foot - height), (x + width, foot), colour, -1)
        cv2.rectangle(scene, (x - 2, foot - height - 12), (x + width + 2, foot - height), (120, 140, 156), -1)
        cv2.rectangle(scene, (x + 6, foot - height + 6), (x + 13, foot - 8), [min(255.0, c + 46) for c in colour], -1)
    for x in range(210, 390, 15):
        cv2.ellipse(scene, (x, 238), (6, 29), 0, 0, 360, (226, 226, 220), -1)
        cv2.ellipse(scene, (x, 238), (6, 29), 0, 0, 360, (186, 184, 176), 2)
    cv2.rectangle(scene, (400, 118), (456, 150), (96, 124, 196), -1)
    for dx, dy in ((-34, -20), (-20, -46), (0, -58), (22, -44), (36, -18), (-10, -30), (12, -28)):
        cv2.ellipse(scene, (428 + dx, 118 + dy), (17, 25), dx, 0, 360, (74, 138, 86), -1)


def _lamp(scene: Picture) -> None:
    cv2.line(scene, (720, 0), (720, 74), (90, 90, 92), 4)
    shade = np.array([[684, 128], [700, 74], [740, 74], [756, 128]], np.int32)
    cv2.fillPoly(scene, [shade], (66, 92, 116))
    cv2.ellipse(scene, (720, 129), (36, 8), 0, 0, 360, (196, 236, 252), -1)


def _counter(scene: Picture, draw: np.random.Generator) -> None:
    """Oak, near the camera and sharp: long grain, a lit front edge, a shadow under it."""
    top = counter_top(720)
    grain = cv2.GaussianBlur(draw.normal(0, 1, (720 - top, 1280)).astype(np.float32), (0, 0), sigmaX=46, sigmaY=0.9)
    fine = cv2.GaussianBlur(draw.normal(0, 1, (720 - top, 1280)).astype(np.float32), (0, 0), sigmaX=9, sigmaY=0.6)
    wood = grain / grain.std() * 9 + fine / fine.std() * 4
    down = np.linspace(0, 1, 720 - top, dtype=np.float32)[:, None, None]
    near, far = np.array([72, 112, 156], np.float32), np.array([104, 150, 194], np.float32)
    tinted = far * (1 - down) + near * down + wood[..., None] * np.array([0.8, 1.0, 1.1], np.float32)
    scene[top:] = np.clip(tinted, 26, 220)
    scene[top : top + 4] += 34
    for x in (318, 742, 1088):
        scene[top:, x : x + 2] -= 26


def _light(scene: Picture) -> None:
    """Daylight from the window, warm light from the lamp, and a lens that darkens to its corners."""
    warm = np.array([6, 15, 22], np.float32)
    # In bands: whole pictures in floating point would cost the agent more memory than anything it does later.
    for first in range(0, 720, 60):
        y, x = np.mgrid[first : first + 60, 0:1280].astype(np.float32)
        window = np.exp(-(((x - 1005) / 420) ** 2 + ((y - 180) / 330) ** 2))
        lamp = np.exp(-(((x - 720) / 300) ** 2 + ((y - 190) / 220) ** 2))
        corners = 1 - 0.26 * (((x - 640) / 640) ** 2 + ((y - 360) / 360) ** 2) / 2
        lit = scene[first : first + 60] * (0.80 + 0.24 * window)[..., None] + lamp[..., None] * warm
        scene[first : first + 60] = np.clip(lit * corners[..., None], 0, 255)

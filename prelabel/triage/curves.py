"""Curves that read scores as probabilities, fitted to scores and 0/1 outcomes. Pure.

Sources: temperature, Guo et al., On Calibration of Modern Neural Networks, ICML 2017; slope and intercept with targets
that certainty never reaches, Platt, Probabilistic Outputs for Support Vector Machines, 1999; isotonic curves by pool
adjacent violators, Zadrozny and Elkan, KDD 2002.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

MIN_BLOCK = 20  # pairs behind every level of a curve
MIN_END = 5  # pairs at or beyond the scores where a line ends
_EDGE = 1e-6  # scores of exactly 0 and 1 have no logit
_SLOPES = (0.05, 20.0)
_DECIMALS = 6


class LogitLine(NamedTuple):
    """The logit of the probability is slope times that of the score plus intercept, level beyond `low` and `high`."""

    slope: float
    intercept: float = 0.0
    low: float = 0.0
    high: float = 1.0

    def read(self, scores: Array) -> Array:
        return sigmoid(self.slope * logits(np.clip(scores, self.low, self.high)) + self.intercept)


class Block(NamedTuple):
    """Neighbouring scores with one level: sum of outcomes, number of pairs, index of the last score."""

    total: float
    pairs: float
    last: int


def isotonic(scores: Array, correct: Array) -> list[tuple[float, float]]:
    """A rising curve as knots (score, share right), linear between them.

    Every level rests on `MIN_BLOCK` pairs, where there are as many, and stays within 1/(n + 2) of 0 and 1, n the
    pairs of its own block (the rule of succession): what few pairs say proves no certainty.
    """
    points, blocks = rising_blocks(scores, correct)
    blocks = _pooled(_with_least(blocks))
    knots: list[tuple[float, float]] = []
    first = 0
    for block in blocks:
        share = round(_bounded(block), _DECIMALS)
        knots += [(float(points[index]), share) for index in sorted({first, block.last})]
        first = block.last + 1
    return knots


def rising_blocks(scores: Array, correct: Array) -> tuple[Array, list[Block]]:
    """The different scores, and the rising levels nearest to the outcomes (least squares)."""
    points, inverse = np.unique(np.round(scores, _DECIMALS), return_inverse=True)
    counts = np.bincount(inverse).astype(np.float64)
    sums = np.bincount(inverse, weights=correct)
    blocks: list[Block] = []
    for index, (total, pairs) in enumerate(zip(sums.tolist(), counts.tolist(), strict=True)):
        block = Block(total, pairs, index)
        while blocks and blocks[-1].total * block.pairs >= block.total * blocks[-1].pairs:
            block = _joined(blocks.pop(), block)
        blocks.append(block)
    return points, blocks


def _with_least(blocks: list[Block]) -> list[Block]:
    """Blocks of few pairs joined to the neighbour that says nearly the same, until all have enough."""
    result = list(blocks)
    while len(result) > 1:
        at = min(range(len(result)), key=lambda index: result[index].pairs)
        if result[at].pairs >= MIN_BLOCK:
            break
        beside = [index for index in (at - 1, at + 1) if 0 <= index < len(result)]
        near = min(beside, key=lambda index: abs(_share(result[index]) - _share(result[at])))
        low = min(at, near)
        result[low : low + 2] = [_joined(result[low], result[low + 1])]
    return result


def _pooled(blocks: list[Block]) -> list[Block]:
    """Joined where the bounds of a small block would let the curve fall."""
    result: list[Block] = []
    for following in blocks:
        block = following
        while result and _bounded(result[-1]) >= _bounded(block):
            block = _joined(result.pop(), block)
        result.append(block)
    return result


def _joined(low: Block, high: Block) -> Block:
    return Block(low.total + high.total, low.pairs + high.pairs, high.last)


def _share(block: Block) -> float:
    return block.total / block.pairs


def _bounded(block: Block) -> float:
    least = 1 / (block.pairs + 2)
    return min(max(_share(block), least), 1 - least)


def best_slope(scores: Array, correct: Array) -> float:
    """1 / temperature with the least log loss. The loss is convex in it, so its derivative is bisected."""
    x = logits(scores)

    def rises(slope: float) -> bool:
        return float(((sigmoid(slope * x) - correct) * x).sum()) > 0

    return _bisected(rises, *_SLOPES)


def ends(scores: Array) -> tuple[float, float]:
    """Between these scores a line is fitted and read: the logit of a lone score of 1 would draw it anywhere."""
    ordered = np.sort(scores)
    least = min(MIN_END, (ordered.size + 1) // 2)
    return round(float(ordered[least - 1]), _DECIMALS), round(float(ordered[-least]), _DECIMALS)


def best_temperature(scores: Array, correct: Array) -> LogitLine:
    """A slope alone, so that 0.5 stays 0.5."""
    low, high = ends(scores)
    return LogitLine(best_slope(np.clip(scores, low, high), correct), 0.0, low, high)


def best_line(scores: Array, correct: Array) -> LogitLine:
    """Slope and intercept with the least log loss against Platt's targets, by Newton's method with halved steps."""
    low, high = ends(scores)
    right = float(correct.sum())
    wrong = correct.size - right
    target = np.where(correct > 0, (right + 1) / (right + 2), 1 / (wrong + 2))
    x = logits(np.clip(scores, low, high))
    table = np.column_stack([x, np.ones_like(x)])

    def loss(at: Array) -> float:
        z = table @ at
        return float((np.logaddexp(0, z) - target * z).sum())

    at: Array = np.array([1.0, 0.0])
    for _ in range(100):
        p = sigmoid(table @ at)
        slope: Array = table.T @ (p - target)
        bend = (table * (p * (1 - p))[:, np.newaxis]).T @ table + 1e-9 * np.eye(2)
        step = np.linalg.solve(bend, slope)
        share = 1.0
        while share > 1e-6 and loss(at - share * step) > loss(at):
            share /= 2
        at = at - share * step
        if float(np.abs(share * step).max()) < 1e-9:
            break
    first = float(np.clip(at[0], *_SLOPES))
    # A curve must not fall as scores rise; the best intercept beside a slope at its bound is another one.
    second = _bisected(lambda value: float((sigmoid(first * x + value) - target).sum()) > 0, -40.0, 40.0)
    return LogitLine(first, second, low, high)


def _bisected(is_above: Any, low: float, high: float) -> float:
    for _ in range(60):
        middle = (low + high) / 2
        if is_above(middle):
            high = middle
        else:
            low = middle
    return (low + high) / 2


def between(knots: Sequence[tuple[float, float]], score: float) -> float:
    """The curve at one score: linear between knots, level outside them."""
    index = bisect_right(knots, (score, math.inf))
    if index == 0 or index == len(knots):
        return knots[0 if index == 0 else -1][1]
    (x0, y0), (x1, y1) = knots[index - 1], knots[index]
    return y0 + (y1 - y0) * (score - x0) / (x1 - x0)


def curve(knots: Sequence[tuple[float, float]], scores: Array) -> Array:
    table = np.array(knots)
    result: Array = np.interp(scores, table[:, 0], table[:, 1])
    return result


def logits(scores: Array) -> Array:
    clipped = np.clip(scores, _EDGE, 1 - _EDGE)
    result: Array = np.log(clipped) - np.log1p(-clipped)
    return result


def sigmoid(values: Array) -> Array:
    result: Array = 0.5 * (1 + np.tanh(0.5 * values))  # never overflows
    return result


def log_loss(scores: Array, right: Array) -> float:
    """Mean over pairs, in nats."""
    clipped = np.clip(scores, _EDGE, 1 - _EDGE)
    return float(-(right * np.log(clipped) + (1 - right) * np.log1p(-clipped)).mean())

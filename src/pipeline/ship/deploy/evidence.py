"""What champion and candidate did, as counts that can be added up: the canary is judged on these alone."""

import bisect
import itertools
import math
import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.predictions.line import Prediction

# Upper edges of the latency bins in milliseconds, each 10 % above the last; the last bin is open.
EDGES = tuple(round(0.5 * 1.1**step, 4) for step in range(125))


@dataclass(frozen=True)
class Latencies:
    """A histogram of milliseconds over `EDGES`."""

    counts: tuple[int, ...] = (0,) * (len(EDGES) + 1)

    @classmethod
    def of(cls, milliseconds: Iterable[float]) -> "Latencies":
        counts = [0] * (len(EDGES) + 1)
        for value in milliseconds:
            counts[bisect.bisect_left(EDGES, value)] += 1
        return cls(tuple(counts))

    def __add__(self, other: "Latencies") -> "Latencies":
        return Latencies(tuple(map(operator.add, self.counts, other.counts)))

    @property
    def total(self) -> int:
        return sum(self.counts)

    def ranked(self, rank: int) -> float:
        """The upper edge of the bin that holds the rank-th smallest (from 1), in milliseconds; inf in the open bin."""
        index = bisect.bisect_left(list(itertools.accumulate(self.counts)), max(rank, 1))
        return EDGES[index] if index < len(EDGES) else math.inf

    def above(self, milliseconds: float) -> int:
        """How many are above the first edge that is at least `milliseconds`."""
        return sum(self.counts[bisect.bisect_left(EDGES, milliseconds) + 1 :])


@dataclass(frozen=True)
class Moments:
    """Count, sum and sum of squares of numbers."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of(cls, values: Iterable[float]) -> "Moments":
        numbers = list(values)
        return cls(len(numbers), math.fsum(numbers), math.fsum(value * value for value in numbers))

    def __add__(self, other: "Moments") -> "Moments":
        return Moments(self.count + other.count, self.total + other.total, self.squares + other.squares)

    @property
    def mirrored(self) -> "Moments":
        """Of the same numbers with the other sign."""
        return Moments(self.count, -self.total, self.squares)

    @property
    def mean(self) -> float:
        return self.total / self.count

    @property
    def variance(self) -> float:
        """The sample variance (n − 1); 0 for fewer than two values."""
        if self.count < 2:
            return 0.0
        return max(self.squares - self.count * self.mean**2, 0.0) / (self.count - 1)


@dataclass(frozen=True)
class Side:
    """Champion or candidate: its requests, the failed (5xx, no answer) and refused (4xx) ones, latencies, scores.

    `scores` has one number for each request (the mean of its rows): the rows of one request are not independent.
    """

    requests: int = 0
    errors: int = 0
    refused: int = 0
    latencies: Latencies = field(default_factory=Latencies)
    scores: Moments = Moments()

    def __add__(self, other: "Side") -> "Side":
        return Side(
            self.requests + other.requests,
            self.errors + other.errors,
            self.refused + other.refused,
            self.latencies + other.latencies,
            self.scores + other.scores,
        )


@dataclass(frozen=True)
class Pairs:
    """Rows that both answered: how many have equal labels, or for a regression the moments of the values."""

    count: int = 0
    equal: int = 0
    first: Moments = Moments()
    second: Moments = Moments()
    products: float = 0.0

    def __add__(self, other: "Pairs") -> "Pairs":
        return Pairs(
            self.count + other.count,
            self.equal + other.equal,
            self.first + other.first,
            self.second + other.second,
            self.products + other.products,
        )

    @property
    def is_correlation(self) -> bool:
        return self.first.count > 0

    @property
    def agreement(self) -> float:
        """The share of equal labels, or the correlation; NaN without rows."""
        if not self.count:
            return math.nan
        return self._correlation() if self.is_correlation else self.equal / self.count

    def _correlation(self) -> float:
        spread = math.sqrt(self.first.variance * self.second.variance)
        if not spread:
            return 1.0 if self.first == self.second else 0.0
        covariance = (self.products - self.count * self.first.mean * self.second.mean) / (self.count - 1)
        return max(-1.0, min(1.0, covariance / spread))


def pair(champion: Sequence[Prediction], candidate: Sequence[Prediction]) -> Pairs:
    """The agreement of two lists of predictions for the same rows: by label where they have one, else by score."""
    both = list(zip(champion, candidate, strict=True))
    if both and both[0][0].label is None:
        first, second = ([prediction.score for prediction in side] for side in (champion, candidate))
        return Pairs(len(both), 0, Moments.of(first), Moments.of(second), math.fsum(map(operator.mul, first, second)))
    return Pairs(len(both), sum(first.label == second.label for first, second in both))

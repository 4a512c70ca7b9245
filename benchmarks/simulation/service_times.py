"""How long batches take in the simulation, and how much load that can carry."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class ServiceTime:
    """A model behind an API: a batch of n requests takes `level_s + slope_s * n`, times noise.

    Attributes:
        name: in tables.
        level_s: seconds of every batch.
        slope_s: seconds per request.
        deadline_s: budget of a request.
        cap: largest number of requests in a batch.
        workers: batches that run at a time.
        sigma: of log-normal noise; 0 for none.
        stall_share: share of the time in which batches that begin stall.
        stall_factor: how many times as long those take.
    """

    name: str
    level_s: float
    slope_s: float
    deadline_s: float
    cap: int = 4000
    workers: int = 1
    sigma: float = 0.0
    stall_share: float = 0.0
    stall_factor: float = 1.0

    def mean_s(self, size: int) -> float:
        """Seconds of a batch without noise."""
        return self.level_s + self.slope_s * size

    def draw_s(self, size: int, random: Random) -> float:
        """Seconds of one batch."""
        seconds = self.mean_s(size)
        if self.sigma:
            seconds *= random.lognormvariate(-(self.sigma**2) / 2, self.sigma)
        if self.stall_share and random.random() < self.stall_share:
            seconds *= self.stall_factor
        return seconds

    @property
    def capacity_per_s(self) -> float:
        """The rate of steady arrivals that can just all be answered in time.

        A request that comes when a batch has just begun waits for it and then runs itself, so a batch may take half of
        the budget.
        """
        size = min(self.cap, int((self.deadline_s / 2 - self.level_s) / self.slope_s))
        noise = 1.0 + self.stall_share * (self.stall_factor - 1.0)
        return self.workers * size / (self.mean_s(size) * noise)


class Clockwork:
    """Draws the time of batches. Noise belongs to the moment at which a batch begins, the same for every policy.

    Args:
        service: how long batches take.
        seed: of the noise.
    """

    def __init__(self, service: ServiceTime, seed: int) -> None:
        self._service = service
        self._random = Random(seed)
        self._factors: list[float] = []

    def seconds(self, size: int, start_s: float) -> float:
        """Seconds of a batch that begins at `start_s`."""
        service = self._service
        seconds = service.mean_s(size)
        if not service.sigma:
            return seconds
        moment = int(start_s / service.level_s)
        while len(self._factors) <= moment:
            factor = self._random.lognormvariate(-(service.sigma**2) / 2, service.sigma)
            self._factors.append(factor * (service.stall_factor if self._random.random() < service.stall_share else 1))
        return seconds * self._factors[moment]


SERVICE_TIMES = (
    ServiceTime("cheap", 0.0005, 0.00001, 0.010),
    ServiceTime("forest", 0.008, 0.00003, 0.050),
    ServiceTime("forest, batches of 32", 0.008, 0.00003, 0.050, cap=32),
    ServiceTime("forest, 4 workers", 0.008, 0.00003, 0.050, workers=4),
    ServiceTime("forest, noise", 0.008, 0.00003, 0.050, sigma=0.3, stall_share=0.02, stall_factor=4.0),
    ServiceTime("costly", 1.0, 0.2, 10.0),
    ServiceTime("costly, 2 workers, noise", 1.0, 0.2, 10.0, workers=2, sigma=0.3),
)

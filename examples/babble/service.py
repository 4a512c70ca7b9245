import asyncio
import random
from collections.abc import AsyncIterator

import bentoml
from bentoml.service.artifacts.common import JSONArtifact


@bentoml.artifacts([JSONArtifact("followers")])
class Babbler(bentoml.BentoService):
    """Writes in the manner of the reference of Python, one word after the other."""

    @bentoml.api()
    async def write(self, start: tuple[str, str], words: int = 50, seed: int = 0) -> AsyncIterator[str]:
        """Goes on from two words; every word is sent as soon as it is known."""
        choose = random.Random(seed).choice
        first, second = start
        yield f"{first} {second}"
        for _ in range(words):
            candidates = self.artifacts.followers.get(f"{first} {second}")
            if candidates is None:
                break
            first, second = second, choose(candidates)
            yield f" {second}"
            await asyncio.sleep(0)

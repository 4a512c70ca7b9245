"""What holds for any request at all: no failure of the server, and neighbours that notice nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bentoml.service.inference_api import InferenceAPI
    from bentoml.types import HTTPRequest
    from tests.fuzz.target import Head, Target


class Checker:
    """Sends requests to the API of a target, each between two that are good.

    Args:
        target: what is sent to.
    """

    def __init__(self, target: Target) -> None:
        self._api: InferenceAPI = target.api()
        seeds = target.requests
        self._good = [head.request(body) for head, body in (seeds[0], seeds[-1])]
        self._answers = [self._answer(request) for request in self._good]
        for head, body in seeds:
            answer = self._answer(head.request(body))
            assert answer[0] == 200, (head, body, answer)

    def _answer(self, request: HTTPRequest) -> tuple[int, bytes]:
        response = self._api.handle_request(request)
        return response.status, response.body

    def check(self, head: Head, body: bytes) -> int:
        """Send one request; returns its status.

        Raises:
            AssertionError: it was answered 5xx, otherwise than alone, or its neighbours otherwise than alone.
        """
        request = head.request(body)
        first, last = self._good
        responses = self._api.handle_batch_request([first, request, last])
        answers = [(response.status, response.body) for response in responses]
        assert [answers[0], answers[2]] == self._answers, "a neighbour was answered otherwise than alone"
        assert answers[1][0] < 500, answers[1]
        assert answers[1] == self._answer(request), "the answer is another one than alone"
        return answers[1][0]

"""What the clients know of their own requests, to be held against the server's ledger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from tests.server.fault_injection.orders import LEFT, Answer, Order

# What the server may say instead of an answer while its workers are killed, stopped and replaced.
TYPED = {
    408: b"Request timeout",
    429: b"429: Too Many Requests",
    503: b"Service Unavailable",
}


class Books:
    """Ends of all requests for an API that the clients have begun.

    Attributes:
        ends: right answers, and typed refusals and failures, by API and status.
        dropped: requests whose connection the client itself ended first; the server may have seen them or not.
        cut: streams that broke off after they had begun, by API.
        faults: what should not have happened, in words.
    """

    def __init__(self) -> None:
        self.ends: Counter[tuple[str, int]] = Counter()
        self.dropped = 0
        self.cut: Counter[str] = Counter()
        self.faults: list[str] = []

    def enter(self, order: Order, answer: Answer) -> None:
        """An order was answered."""
        is_typed = answer.body == TYPED.get(answer.status) and (
            answer.status == 408 or b"retry-after" in answer.headers
        )
        if answer.is_cut:
            self.cut[order.api] += 1
        elif order.request_id is not None and answer.headers.get(b"x-request-id") != order.request_id.encode():
            self.faults.append(f"{order.api}: the answer has the id of another request: {answer}")
        elif is_typed or answer.status in order.statuses or (answer.status == 200 and order.is_right(answer)):
            self.ends[order.api, answer.status] += 1
        else:
            self.faults.append(f"{order.api}: wrong answer to {order.body[:200]!r}: {answer.status} {answer.body!r}")

    def enter_refusal(self, api: str, status: int) -> None:
        """A request that is against the rules was refused as it should be."""
        self.ends[api, status] += 1

    def lose(self, order: Order, why: str) -> None:
        """An order got no answer at all."""
        self.faults.append(f"{order.api}: no answer to {order.body[:200]!r}: {why}")

    def by_status(self) -> Counter[int]:
        """All ends of requests whose client waited for them."""
        counts: Counter[int] = Counter()
        for (_, status), count in self.ends.items():
            counts[status] += count
        return counts

    def differences(self, ledger: Mapping[str, float], ends: Mapping[tuple[str, int], float]) -> list[str]:
        """Where the server's numbers cannot be explained by what the clients saw.

        Args:
            ledger: what `_ledger_total` says, by outcome; at rest, so nothing is in flight.
            ends: what `_mb_request_total` says, by API and status.
        """
        found: list[str] = []
        outcomes = [ledger[name] for name in ("answered", "refused", "failed", "cancelled")]
        if sum(outcomes) != ledger["accepted"]:
            found.append(f"accepted {ledger['accepted']:g} is not the sum of {outcomes}")
        if sum(ends.values()) != ledger["accepted"]:
            found.append(f"accepted {ledger['accepted']:g}, but {sum(ends.values()):g} requests were counted by status")
        waited = {end: count for end, count in ends.items() if not end[0].startswith(LEFT) and count}
        known = dict(self.ends)
        # A stream that broke off was answered 200 for its client; the server knows better.
        found += [
            f"{end}: {waited.get(end, 0):g} for the server, {known.get(end, 0)} for the clients"
            for end in {*waited, *known}
            if waited.get(end, 0) != known.get(end, 0) and end[0] not in self.cut
        ]
        for api, cut in self.cut.items():
            server = sum(count for end, count in waited.items() if end[0] == api)
            clients = sum(count for end, count in known.items() if end[0] == api) + cut
            if server != clients:
                found.append(f"{api}: {server:g} requests for the server, {clients} for the clients")
        left = sum(ends.values()) - sum(waited.values())
        if left > self.dropped:
            found.append(f"{left:g} requests of clients that left, but no more than {self.dropped} were sent")
        return found

    def __str__(self) -> str:
        statuses = dict(sorted(self.by_status().items()))
        return f"{statuses} by status, {self.dropped} dropped, {self.cut.total()} cut, {len(self.faults)} faults"

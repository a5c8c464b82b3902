"""A trigger of four leaves on a real payload."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.payloads import bodies
from benchmarks.row import Row, in_turns
from nbincoming.core.conditions.builder import P
from nbincoming.core.conditions.evaluation import compile_condition
from nbincoming.core.request.parameters import Parameters
from nbincoming.core.request.reading import decode
from nbincoming.core.request.values import Value

TIMES = 20_000


def _is_pull_request(body: Value) -> bool:
    return {"action", "pull_request", "sender"} <= body.keys()


def rows() -> Iterator[Row]:
    """Measure evaluations against a predicate written by hand, which is not total."""
    body: Value = next(filter(_is_pull_request, map(decode, bodies())))
    scope = Parameters(body, {"x-github-event": "pull_request"}).roots()
    condition = (
        (P.headers["x-github-event"] == "pull_request")
        & P.body.action.is_in([body["action"], "reopened"])
        & ~(P.body.pull_request.commits >= 10_000)
        & P.body.sender.login.exists()
    )
    test = compile_condition(condition)
    assert test(scope, 0)

    def ours() -> None:
        for _ in range(TIMES):
            test(scope, 0)

    wanted = {body["action"], "reopened"}

    def by_hand() -> None:
        for _ in range(TIMES):
            request = scope["body"]
            _ = (
                scope["headers"]["x-github-event"] == "pull_request"
                and request["action"] in wanted
                and not request["pull_request"].get("commits", 0) >= 10_000
                and "login" in request["sender"]
            )

    mine, theirs = in_turns(ours, by_hand)
    yield Row(
        "a trigger of four leaves", "Python by hand, not total", mine / theirs, 12, True,
        f"{TIMES / mine:,.0f} evaluations/s against {TIMES / theirs:,.0f}",
    )  # fmt: skip

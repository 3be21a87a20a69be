"""`Outcomes`: what became of each method of a client, printed as a line of JSON for the command to read.

Runs in the clients' own environment, so it uses nothing but the standard library.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

__all__ = ["AS_DECLARED", "Outcomes"]

AS_DECLARED = "yes"
_T = TypeVar("_T")
_LONGEST = 200


class Outcomes:
    """Calls methods and reports each, once.

    Attributes:
        called: methods that were called, so that the others can be named.
    """

    def __init__(self) -> None:
        self.called: set[str] = set()

    def call(
        self, method: str, act: Callable[[], _T], check: Callable[[_T], str] = lambda _: AS_DECLARED
    ) -> _T | None:
        """Call a method; None if it failed.

        Args:
            method: the name to report.
            act: calls it.
            check: says what the answer lacks of what the client declares, or `AS_DECLARED`.
        """
        try:
            value = act()
            body = check(value)
        except Exception as exc:  # whatever a client raises is what is to be reported
            self.report(method, False, f"{type(exc).__name__}: {exc}")
            return None
        self.report(method, True, body)
        return value

    def report(self, method: str, works: bool, body: str) -> None:
        """Report a method."""
        self.called.add(method)
        self._print({"method": method, "works": works, "body": " ".join(body.split())[:_LONGEST]})

    def end(self, version: str, methods: Iterable[str]) -> None:
        """Report the client's version, and which of its methods were not called."""
        self._print({"version": version, "left": sorted(set(methods) - self.called)})

    @staticmethod
    def _print(line: dict[str, Any]) -> None:
        print(json.dumps(line), flush=True)


def arguments() -> tuple[str, str, str]:
    """The exchange's address, the access key and the secret, as the command gives them."""
    url, access_key, secret_key = sys.argv[1:]
    return url, access_key, secret_key

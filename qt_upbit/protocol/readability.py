"""`ReadabilityWatch`: notices that frames come, and that none of them can be read."""

from __future__ import annotations

__all__ = ["ReadabilityWatch"]


class ReadabilityWatch:
    """A connection whose frames nobody can read is as good as silent, however many come.

    Args:
        timeout_s: it is dark after unreadable frames over this long, without a readable one between them.

    Attributes:
        is_dark: whether nothing readable arrives.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._since: float | None = None
        """When the first of the unreadable frames was seen."""
        self.is_dark = False

    def read(self, is_readable: bool, now: float) -> bool:
        """A frame was decoded, or could not be; whether it has become dark with this one."""
        if is_readable:
            self._since, self.is_dark = None, False
            return False
        if self._since is None:
            self._since = now
        was_dark, self.is_dark = self.is_dark, now - self._since >= self._timeout_s
        return self.is_dark and not was_dark

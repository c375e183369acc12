"""The board: what open incidents do to the city, as their last step showed it, for scenes that hear of effects. Pure.

An incident puts a notice up with the first step that has effects, replaces it when a step changes the effects or the
level, and takes it down (a notice without effects) when it is over. News stand till the first whole second after the
step and are read then, in the order of the steps that made them; what changed back within the second is no news to
those who never heard of it. Plain data that can be saved.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from brain.model import Level
    from brain.scene_api import Effect

__all__ = ["Board", "Notice"]

SECOND: Final = 1_000_000


class Notice(NamedTuple):
    """The effects of an incident as its last step left them; none once it is over."""

    scene: str
    event: str
    level: Level
    effects: tuple[Effect, ...]
    is_exercise: bool = False


@dataclass(slots=True)
class Board:
    """Notices by incident.

    Attributes:
        notices: Incident id -> what it does now, in order of its last change.
        news: Ids of those that changed and were not read out yet; the values mean nothing.
        due: Whole second, microseconds, at which the news are read; None while there are none.

    Example:
        >>> from brain.model import Level
        >>> from brain.scene_api import Effect, EffectKind
        >>> board = Board()
        >>> closed = Notice("travel", "traffic_incident", Level.YELLOW, (Effect(kind=EffectKind.ROAD_CLOSED),))
        >>> board.put("a", closed, at=5_000_001)
        >>> board.due
        6000000
        >>> [incident for incident, _ in board.read(everything=False)]
        ['a']
    """

    notices: dict[str, Notice] = field(default_factory=dict)
    news: dict[str, bool] = field(default_factory=dict)
    due: int | None = None

    def put(self, incident: str, notice: Notice, at: int) -> None:
        """A step at ``at`` (microseconds) showed this; the same as before is no news."""
        known = self.notices.get(incident)
        if known == notice or (known is None and not notice.effects):
            return
        self.notices.pop(incident, None)
        self.notices[incident] = notice
        self.news.pop(incident, None)
        self.news[incident] = True
        if self.due is None:  # else it is that second already: news never outlive their second
            self.due = (at // SECOND + 1) * SECOND

    def take_down(self, incident: str) -> None:
        """The incident is gone without a step: its judge does not sit any more. Told at the next mark."""
        known = self.notices.get(incident)
        if known is not None:
            self.put(incident, known._replace(effects=()), -SECOND)

    def read(self, *, everything: bool) -> list[tuple[str, Notice]]:
        """What there is to tell, in order of change: the news, or all notices."""
        return [(k, self.notices[k]) for k in (self.notices if everything else self.news)]

    def told(self) -> None:
        """The news were read out: they are none any more, and what is over is forgotten."""
        for incident in self.news:
            if not self.notices[incident].effects:
                del self.notices[incident]
        self.news, self.due = {}, None

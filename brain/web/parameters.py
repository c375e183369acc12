"""Parameters of the query that several routes share, with the words /docs shows for them."""

from typing import Annotated

from fastapi import Query

__all__ = ["Bbox", "Cursor", "End", "Limit", "SensorTypes", "Start"]

Bbox = Annotated[
    str | None,
    Query(description="Box `west,south,east,north`, WGS-84 degrees.", examples=["120.1,35.9,120.6,36.3"]),
]
Start = Annotated[
    str | None,
    Query(
        description="First time, included: RFC 3339 with a zone, or epoch milliseconds.",
        examples=["2026-05-01T08:00:00+08:00"],
    ),
]
End = Annotated[
    str | None,
    Query(
        description="Last time, not included: RFC 3339 with a zone, or epoch milliseconds.",
        examples=["2026-05-01T09:00:00+08:00"],
    ),
]
Cursor = Annotated[
    str | None, Query(description="`next_cursor` of the page before; leave it out for the first page.", max_length=2000)
]
Limit = Annotated[int, Query(ge=1, le=1000, description="Most items of a page, 1..1000.")]
SensorTypes = Annotated[
    list[str] | None,
    Query(description="Sensor type; repeat it or separate with commas for several.", examples=[["gas-detector"]]),
]

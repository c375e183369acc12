"""Answers: JSON through msgspec, GeoJSON and CSV by ``Accept``."""

from __future__ import annotations

import csv
import io
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import Response

from brain.web.problems import PROBLEM_EXAMPLE, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from starlette.requests import Request

__all__ = ["CSV", "GEOJSON", "JSON", "Json", "body_of", "csv_reply", "feature_collection", "negotiate", "responses"]

JSON, GEOJSON, CSV, PROBLEM = "application/json", "application/geo+json", "text/csv", "application/problem+json"
_encode = msgspec.json.Encoder(decimal_format="number").encode
# A cell that begins so is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Json(Response):
    """A JSON answer; NaN becomes null."""

    media_type = JSON

    def render(self, content: Any) -> bytes:
        """Encode."""
        return _encode(content)


def negotiate(request: Request, *offered: str) -> str:
    """The media type the caller likes best of those offered; the first one is what is given to who does not care.

    Raises:
        Problem: Status 406 when none will do.
    """
    header = ",".join(request.headers.getlist("accept"))
    if not header.strip():
        return offered[0]
    wishes: list[tuple[str, float]] = []
    for part in header.split(","):
        kind, *parameters = (p.strip().lower() for p in part.split(";"))
        quality = 1.0
        for parameter in parameters:
            name, _, value = parameter.partition("=")
            if name.strip() == "q":
                try:
                    quality = min(max(float(value), 0.0), 1.0)
                except ValueError:
                    quality = 0.0
        if kind:
            wishes.append((kind, quality))

    def liking(offer: str) -> float:
        family = offer.split("/", maxsplit=1)[0] + "/*"
        for name in (offer, family, "*/*"):
            found = [q for kind, q in wishes if kind == name]
            if found:
                return max(found)
        return 0.0

    best = max(offered, key=lambda o: (liking(o), -offered.index(o)))
    if liking(best) <= 0:
        listed = ", ".join(offered)
        raise Problem(
            406,
            f"Accept: {header[:80]!r:.82} asks for a format this path does not speak; it speaks {listed}",
            f"此路径不支持所要求的格式；可用：{listed}",
        )
    return best


def feature_collection(items: Iterable[Mapping[str, Any]], cursor: str | None, *, id_key: str = "id") -> Response:
    """GeoJSON (RFC 7946) of items with ``position`` or ``lon`` and ``lat``; without a place the geometry is null."""
    features = []
    for item in items:
        lon, lat = item.get("position") or (item.get("lon"), item.get("lat"))
        place = None if lon is None or lat is None else {"type": "Point", "coordinates": [lon, lat]}
        feature: dict[str, Any] = {"type": "Feature", "geometry": place, "properties": item}
        if item.get(id_key) is not None:
            feature["id"] = item[id_key]
        features.append(feature)
    document = {"type": "FeatureCollection", "features": features, "next_cursor": cursor}
    return Response(_encode(document), media_type=GEOJSON)


def _cell(value: Any) -> Any:
    if isinstance(value, str):
        return "'" + value if value.startswith(_FORMULA) else value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list | dict):
        return _cell(_encode(value).decode())
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value


def csv_reply(items: Sequence[Mapping[str, Any]], columns: Sequence[str], name: str, next_url: str | None) -> Response:
    """RFC 4180 with a header line; the next page stands in ``Link: <...>; rel="next"``.

    Texts that a spreadsheet would take for a formula get an apostrophe in front.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(columns)
    for item in items:
        writer.writerow([_cell(item.get(c)) for c in columns])
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    if next_url is not None:
        headers["Link"] = f'<{next_url}>; rel="next"'
    return Response(out.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


_PROBLEMS: Final = {
    404: "Unknown",
    409: "Does not fit the state",
    413: "Too large",
    422: "Wrong input",
    503: "Not now",
}


def _problem(title: str, status: int) -> dict[str, Any]:
    example = PROBLEM_EXAMPLE | {"status": status, "title": HTTPStatus(status).phrase}
    return {"description": f"{title} (RFC 9457)", "content": {PROBLEM: {"example": example}}}


def responses(
    example: Any, *problems: int, also: Mapping[str, Any] | None = None, status: int = 200, says: str = "Answer"
) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route for its page in /docs: an example answer and the problems it may give."""
    content: dict[str, Any] = {JSON: {"example": example}}
    for kind, other in (also or {}).items():
        content[kind] = {"example": other}
    out: dict[int | str, dict[str, Any]] = {status: {"description": says, "content": content}}
    for number in problems:
        out[number] = _problem(_PROBLEMS.get(number, "Problem"), number)
    out["default"] = _problem("Any other problem", 500)
    return out


def body_of(kind: type[msgspec.Struct], example: Any, *, is_required: bool = True) -> dict[str, Any]:
    """The ``openapi_extra`` of a route that reads its body itself."""
    (top,), shapes = msgspec.json.schema_components([kind], ref_template="{name}")

    def inlined(node: Any) -> Any:
        if isinstance(node, dict):
            return inlined(shapes[node["$ref"]]) if "$ref" in node else {k: inlined(v) for k, v in node.items()}
        return [inlined(v) for v in node] if isinstance(node, list) else node

    return {"requestBody": {"required": is_required, "content": {JSON: {"schema": inlined(top), "example": example}}}}

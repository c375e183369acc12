"""The page itself, and the API's own page: Swagger UI from the vendored files, no network, no inline script."""

from pathlib import Path

from fastapi import APIRouter, Request
from starlette.responses import Response

from brain.web.problems import Problem
from brain.web.static import Site

__all__ = ["make_pages"]

_UI = "vendor/swagger-ui-dist"
_DOCS = f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Cloud Brain API</title>
<link rel="icon" href="/icon.svg">
<link rel="stylesheet" href="/{_UI}/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/{_UI}/swagger-ui-bundle.js"></script>
<script src="/docs/init.js"></script>
</body>
</html>
"""
#: In the wheel it lies beside this file, in the source where it is written.
_PROFILES = (Path(__file__).with_name("profiles.md"), Path(__file__).parents[2] / "docs" / "reference" / "profiles.md")
_INIT = """SwaggerUIBundle({
  url: "/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
});
"""


def make_pages(site: Site) -> APIRouter:
    """Routes of ``/docs`` and of everything that is a file of the console."""
    router = APIRouter()

    @router.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        """The API's page."""
        if site.find(f"{_UI}/swagger-ui-bundle.js") is None:
            raise Problem(
                503,
                "the page's libraries are not here; run `make setup` once, or read /openapi.json",
                "页面所需的前端库尚未安装；请运行一次 make setup，或直接查看 /openapi.json",
            )
        return Response(_DOCS, media_type="text/html; charset=utf-8", headers={"Cache-Control": "no-cache"})

    @router.get("/docs/init.js", include_in_schema=False)
    async def docs_init() -> Response:
        """Starts Swagger UI; a file of its own because the page allows no inline script."""
        return Response(_INIT, media_type="text/javascript; charset=utf-8", headers={"Cache-Control": "no-cache"})

    @router.get(
        "/docs/profiles",
        operation_id="show_profile_reference",
        summary="The reference of profiles",
        tags=["sensor types"],
        responses={200: {"description": "Markdown", "content": {"text/markdown": {"example": "# Profiles"}}}},
        response_class=Response,
    )
    async def profiles() -> Response:
        """How a sensor type is registered by a document: every key, function and input with an example."""
        text = next(path.read_text("utf-8") for path in _PROFILES if path.exists())
        # As plain text, which browsers show; Markdown they would offer to save.
        return Response(text, media_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-cache"})

    @router.api_route("/{name:page}", methods=["GET", "HEAD"], include_in_schema=False)
    async def page(request: Request, name: str) -> Response:
        """A file of the console; ``/`` is its first page."""
        return site.answer(request, name)

    return router

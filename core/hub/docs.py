"""The interactive documentation of the API, served from our own files: it works without the internet."""

from __future__ import annotations

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse

from core import i18n

router = APIRouter(include_in_schema=False)

_PAGE = """<!doctype html>
<html lang="{language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Fettle API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/static/swagger/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/static/swagger/swagger-ui-bundle.js"></script>
<script src="/static/swagger/start.js"></script>
</body>
</html>
"""


@router.get("/docs")
def docs() -> HTMLResponse:
    """Swagger UI over `/api/v1/openapi.json`."""
    return HTMLResponse(_PAGE.format(language="en" if i18n.current() == "en" else "zh-CN"))


@router.get("/")
def home() -> RedirectResponse:
    """Whoever types the hub's address finds the documentation."""
    return RedirectResponse("/docs")

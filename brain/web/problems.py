"""Errors on the wire: every one is an RFC 9457 problem document in both languages, and none shows a traceback.

A problem carries ``type``, ``title``, ``status``, ``detail`` (one sentence that says how to mend it), ``instance``,
and our additions ``title_zh``, ``detail_zh``, ``code`` (CB-nnnn of the error tree) and, for wrong input, ``errors``
with a path each.
"""

from __future__ import annotations

import secrets
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from brain.errors import CloudBrainError, ConfigurationError, NotFoundError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi import FastAPI
    from starlette.requests import Request

__all__ = ["PROBLEM_EXAMPLE", "Problem", "broken", "install", "problem_response"]

_log = structlog.get_logger("web")

MEDIA_TYPE = "application/problem+json"

_TITLES_ZH: dict[int, str] = {
    400: "请求有误",
    403: "禁止访问",
    404: "未找到",
    405: "方法不允许",
    406: "无法按所要求的格式回答",
    409: "与当前状态冲突",
    413: "请求体过大",
    415: "不支持的媒体类型",
    421: "主机名不符",
    422: "内容无法处理",
    500: "内部错误",
    503: "暂时不可用",
}

PROBLEM_EXAMPLE: dict[str, Any] = {
    "type": "about:blank",
    "title": "Not Found",
    "title_zh": "未找到",
    "status": 404,
    "detail": "no incident 'x'; GET /api/v1/incidents lists them",
    "detail_zh": "没有事件 'x'；可用 GET /api/v1/incidents 查看",
    "instance": "/api/v1/incidents/x",
    "code": "CB-6000",
}


class Problem(CloudBrainError):  # noqa: N818 - it is what RFC 9457 calls it
    """A request cannot be answered as asked; becomes a problem document.

    Attributes:
        status: HTTP status.
        zh: The sentence in Chinese; ``str(problem)`` is the English one.
        errors: For wrong input: pairs of path and sentence.
        extra: Further members of the document.
        headers: Headers of the answer, e.g. ``Retry-After``.
    """

    code: ClassVar[str] = "CB-6000"

    def __init__(
        self,
        status: int,
        en: str,
        zh: str,
        *,
        errors: Sequence[tuple[str, str]] = (),
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(en)
        self.status = status
        self.zh = zh
        self.errors = tuple(errors)
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})

    @classmethod
    def input(cls, path: str, en: str, zh: str) -> Problem:
        """A 422 for one wrong input, ``path: sentence``.

        Example:
            >>> str(Problem.input("limit", "0 is outside 1..100; give a number from 1 to 100", "超出范围"))
            'limit: 0 is outside 1..100; give a number from 1 to 100'
        """
        return cls(422, f"{path}: {en}", f"{path}：{zh}", errors=((path, en),))


def problem_response(
    status: int,
    en: str,
    zh: str,
    instance: str,
    *,
    code: str = Problem.code,
    errors: Sequence[tuple[str, str]] = (),
    extra: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """The problem document of a status and a sentence."""
    document: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "title_zh": _TITLES_ZH.get(status, "错误"),
        "status": status,
        "detail": en,
        "detail_zh": zh,
        "instance": instance,
        "code": code,
    }
    if errors:
        document["errors"] = [{"path": path, "detail": sentence} for path, sentence in errors]
    document.update(extra or {})
    return Response(msgspec.json.encode(document), status, dict(headers or {}), MEDIA_TYPE)


def broken(instance: str, error: BaseException) -> Response:
    """The answer to an error nobody expected: a reference for the log, no word of the error itself."""
    reference = secrets.token_hex(6)
    _log.error(
        "request failed", reference=reference, path=instance, traceback="".join(traceback.format_exception(error))
    )
    return problem_response(
        500,
        f"something of ours broke; the log has it under reference {reference}",
        f"内部出错；日志中的编号为 {reference}",
        instance,
        code=CloudBrainError.code,
        extra={"reference": reference},
    )


def _sentence(error: Mapping[str, Any]) -> tuple[str, str]:
    """Path and sentence of one of the framework's validation errors."""
    where = [str(p) for p in error.get("loc", ())]
    path = ".".join(where[1:] if len(where) > 1 else where) or "request"
    kind, ctx, given = str(error.get("type", "")), error.get("ctx") or {}, error.get("input")
    shown = repr(given)[:80]
    if kind == "missing":
        return path, "is missing; give it"
    if kind.startswith("int_"):
        return path, f"{shown} is not a whole number; give digits only"
    if kind.startswith("bool_"):
        return path, f"{shown} is neither true nor false; give one of them"
    for bound, word in (("ge", "below"), ("gt", "not above"), ("le", "above"), ("lt", "not below")):
        if bound in ctx:
            return path, f"{shown} is {word} {ctx[bound]}; give a value within the limits"
    return path, f"{str(error.get('msg', 'is wrong')).lower()}; see /docs for what it takes"


async def _on_problem(request: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return problem_response(
        error.status,
        str(error),
        error.zh,
        request.url.path,
        errors=error.errors,
        extra=error.extra,
        headers=error.headers,
    )


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = [_sentence(e) for e in error.errors()]
    en = "; ".join(f"{path}: {sentence}" for path, sentence in found) or "the request is wrong"
    zh = "参数有误：" + "、".join(path for path, _ in found)
    return problem_response(422, en, zh, request.url.path, errors=found)


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    status, path, method = error.status_code, request.url.path, request.method
    allowed = (error.headers or {}).get("Allow", "")
    en, zh = {
        404: (f"nothing lives at {path}; /docs lists every path", f"{path} 不存在；所有路径见 /docs"),
        405: (
            f"{method} is not possible at {path}; use {allowed or 'another method'}",
            f"{path} 不支持 {method}；请用 {allowed or '其他方法'}",
        ),
        413: (
            "the body is larger than 1 MiB; send less at a time",
            "请求体超过 1 MiB；请分批发送",
        ),
    }.get(status, (f"{error.detail}; see /docs", "请求无法处理；见 /docs"))
    return problem_response(status, en, zh, path, headers=error.headers)


async def _on_ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, CloudBrainError)
    path = request.url.path
    if isinstance(error, NotFoundError):
        return problem_response(404, str(error), "所求不存在", path, code=error.code)
    if isinstance(error, StoreError):
        # The sentence of a driver may name hosts and statements; it is for the log.
        _log.warning("store refused", path=path, error=str(error))
        return problem_response(
            503,
            "the data base does not answer now; try again in a few seconds",
            "数据库暂时无响应；请稍后再试",
            path,
            code=error.code,
            headers={"Retry-After": "2"},
        )
    if isinstance(error, ConfigurationError):
        return problem_response(422, str(error), "内容有误，详见 detail", path, code=error.code)
    return broken(path, error)


def install(app: FastAPI) -> None:
    """Make every error of the application a problem document (what escapes all of it is the guard's)."""
    app.add_exception_handler(Problem, _on_problem)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(CloudBrainError, _on_ours)

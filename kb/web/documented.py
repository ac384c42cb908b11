"""What the OpenAPI document says of every operation alike: how to be known, and what happens where one is not."""

from __future__ import annotations

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.spec import (
    Components,
    OpenAPIHeader,
    OpenAPIMediaType,
    OpenAPIResponse,
    OpenAPIType,
    Operation,
    Schema,
    SecurityScheme,
)

from kb.web.entrance import COOKIE, OPEN
from kb.web.guards import Requires

COMPONENTS = Components(
    security_schemes={
        "key": SecurityScheme("http", scheme="bearer", description="A key of `kb key create`"),
        "session": SecurityScheme("apiKey", name=COOKIE, security_scheme_in="cookie", description="A signed-in person"),
    }
)
DESCRIPTION = """
What one centre's knowledge answers: searched, cited, or honestly refused. Errors are RFC 9457 problems; under `/v1`
they have OpenAI's shape.

Not described below, since OpenAPI has no form for them:

- `WS /api/calls/{call_id}?after=N`: the utterances of a live call and the suggestions for it, for agents. JSON texts:
  `state` first, then `utterance`, `suggestions`, `heard`, `error`; `{"utterance": {...}}` may be sent. A browser sends
  `{"key": "kb_..."}` as its first message, within 5 seconds.
- `WS /api/typing`: search as an agent types. `{"query": 7, "text": "...", "k": 5}` is answered by `results`, of the
  newest query alone.
- Both are closed with 4401 (no key that holds), 4403 (not an agent's), 1013 (too much waited to be read), 1008 (not
  JSON).
- `POST /mcp`: the Model Context Protocol over streamable HTTP, without sessions; its tools `answer`, `search` and
  `get_article` are described by `tools/list`.
- `POST /api/answers` and `POST /v1/chat/completions` may answer with server-sent events, `GET /api/answers/stream`
  always does: `begun`, `urgent`, `sentence`, `citations`, `actions`, `done`, or `problem`.
"""
"""Of the whole document."""
_SECONDS = OpenAPIHeader(schema=Schema(type=OpenAPIType.INTEGER, minimum=1), description="Seconds to wait")
_CHALLENGE = OpenAPIHeader(schema=Schema(type=OpenAPIType.STRING), description="How to be known")
_PROBLEM = Schema(
    type=OpenAPIType.OBJECT,
    description="An RFC 9457 problem",
    properties={
        "status": Schema(type=OpenAPIType.INTEGER, description="The response's status"),
        "title": Schema(type=OpenAPIType.STRING, description="What that status is called"),
        "detail": Schema(type=OpenAPIType.STRING, description="What is wrong here, and the way out"),
        "request_id": Schema(type=OpenAPIType.STRING, description="By which the log knows this request"),
    },
    required=["status", "detail"],
)


def problem(description: str, **headers: OpenAPIHeader) -> OpenAPIResponse:
    """A response that is an RFC 9457 problem."""
    content = {"application/problem+json": OpenAPIMediaType(schema=_PROBLEM)}
    return OpenAPIResponse(description, headers=dict(headers), content=content)


def document_access(app: Litestar) -> None:
    """Adds to every operation what the entrance and the guards of its route may answer, all errors as problems."""
    for route in app.routes:
        for handler in getattr(route, "route_handlers", ()):
            path = (app.openapi_schema.paths or {}).get(route.path_format)
            for method in handler.http_methods if path else ():
                operation = getattr(path, method.lower(), None)
                if operation is not None:
                    _correct(operation)
                if operation is not None and not route.path.startswith(OPEN):
                    _document(operation, handler)


def _correct(operation: Operation) -> None:
    """Litestar describes its own form of a refused request, which is a problem here, and a body where there is none."""
    answers = operation.responses or {}
    if isinstance(refused := answers.get("400"), OpenAPIResponse) and _is_litestars(refused):
        answers["400"] = problem("Something in the request is not as described")
    if operation.request_body is not None:
        answers.setdefault("408", problem("The body did not come in time"))
        answers.setdefault("413", problem("The body is too large"))
    if isinstance(nothing := answers.get("204"), OpenAPIResponse):
        nothing.content = None


def _is_litestars(response: OpenAPIResponse) -> bool:
    form = (response.content or {}).get("application/json")
    return form is not None and isinstance(form.schema, Schema) and form.schema.description == "Validation Exception"


def _document(operation: Operation, handler: HTTPRouteHandler) -> None:
    roles = [guard.role for guard in handler.resolve_guards() if isinstance(guard, Requires)]
    guarded = any(role != "public" for role in roles)
    operation.security = [{"key": []}, {"session": []}, *([] if guarded else [{}])]
    answers = operation.responses = operation.responses or {}
    answers.setdefault(
        "401",
        problem(
            "A key that is wrong, revoked or expired, or none where one is needed", **{"WWW-Authenticate": _CHALLENGE}
        ),
    )
    answers.setdefault("403", problem("A role too small, or a change by a session without its CSRF token"))
    answers.setdefault("429", problem("Too many requests", **{"Retry-After": _SECONDS}))

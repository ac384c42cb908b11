"""Who calls, as the handlers need it."""

from __future__ import annotations

from typing import Any

from litestar import Request
from litestar.exceptions import NotAuthorizedException, PermissionDeniedException

from kb.access.callers import ANYBODY, Caller, Role


def caller_of(request: Request[Any, Any, Any]) -> Caller:
    """Who calls: whom the middleware recognised, else anybody."""
    found: Caller = request.scope.get("user") or ANYBODY
    return found


def require(request: Request[Any, Any, Any], role: Role) -> Caller:
    """Who calls. Raises NotAuthorizedException where nobody is known, PermissionDeniedException for a lesser role."""
    caller = caller_of(request)
    if caller == ANYBODY:
        raise NotAuthorizedException("this needs a key or a session: who calls is not known")
    if not caller.may(role):
        raise PermissionDeniedException(f"this is for the role {role} and above")
    return caller

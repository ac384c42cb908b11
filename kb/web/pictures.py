"""`POST /api/articles/{id}/pictures`: an editor puts a picture beside an article; its file is the body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from litestar import Router, post
from litestar.concurrency import sync_to_thread
from litestar.datastructures import State as AppState
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import FromPath, QueryParameter

from kb.config import Settings
from kb.editing.pictures import Kept, keep_picture
from kb.web.documented import problem
from kb.web.editing import Asker, service_of
from kb.web.entrance import BODY_WITHIN

_SECONDS = 60.0
_KINDS = ("image/png", "image/jpeg", "image/gif", "image/webp")


@dataclass
class _Picturing(Operation):
    """An operation that takes a picture."""

    def __post_init__(self) -> None:
        """Describes the body, and adds the refusals to what Litestar found by itself."""
        file = Schema(type=OpenAPIType.STRING, content_media_type="application/octet-stream")
        self.request_body = RequestBody({kind: OpenAPIMediaType(schema=file) for kind in _KINDS}, required=True)
        self.responses = (self.responses or {}) | {
            "400": problem("By its bytes it is no such picture, or it is larger than `import_image_megabytes`"),
            "404": problem("There is no such article: save it first"),
            "413": problem("It is larger than `import_image_megabytes`"),
            "503": problem("It cannot be kept at the moment"),
        }


@post(
    "/{article_id:str}/pictures",
    summary="Put a picture beside an article's edit",
    operation_class=_Picturing,
    opt={BODY_WITHIN: _SECONDS},
)
async def put_picture(
    request: Asker,
    state: AppState,
    article_id: FromPath[str],
    name: Annotated[
        str, QueryParameter(description="Its file's name, which its own begins with", max_length=1_000)
    ] = "",
) -> Kept:
    """PNG, JPEG, GIF or WebP, known by its bytes alone; published with the edit. Sent again, it is kept once."""
    content = await request.body()
    return await sync_to_thread(keep_picture, service_of(state).paths, state.settings, article_id, name, content)


def pictures(settings: Settings) -> Router:
    """The route, with the limit that the settings name."""
    return Router(
        "/", route_handlers=[put_picture], request_max_body_size=settings.import_image_megabytes * 1024 * 1024
    )

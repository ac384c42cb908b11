"""`POST /api/imports`: documents and FAQ tables that an editor uploads become drafts, or are shown as such."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from litestar import Request, Router, post
from litestar.concurrency import sync_to_thread
from litestar.datastructures import State, UploadFile
from litestar.exceptions import ClientException
from litestar.openapi.spec import OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import QueryParameter

from kb.access.callers import Caller
from kb.config import Settings, zone
from kb.drafting import proposals
from kb.editing.proposals import Proposals
from kb.errors import InputError
from kb.importers.bringing import Options, bring
from kb.importers.columns import read_choices
from kb.importers.limits import limits_of
from kb.importers.report import Report
from kb.progress import silent
from kb.web.documented import problem
from kb.web.editing import actor_of
from kb.web.entrance import BODY_WITHIN
from kb.web.guards import requires

SECONDS = 300.0
"""Within these an upload has to arrive."""
_FORM = 64 * 1024  # what a form takes beside its files
_FIELD = "files"
_UNSAFE = re.compile(r"[\x00-\x1f\x7f]")


@dataclass
class _Uploading(Operation):
    """An operation that takes files."""

    def __post_init__(self) -> None:
        """Describes the form, and adds the refusals to what Litestar found by itself."""
        file = Schema(type=OpenAPIType.STRING, content_media_type="application/octet-stream")
        told = "Documents, tables, and the pictures of HTML files under their relative paths"
        files = Schema(type=OpenAPIType.ARRAY, items=file, min_items=1, description=told)
        form = Schema(type=OpenAPIType.OBJECT, properties={_FIELD: files}, required=[_FIELD])
        self.request_body = RequestBody({"multipart/form-data": OpenAPIMediaType(schema=form)}, required=True)
        self.responses = (self.responses or {}) | {
            "400": problem("No files, nothing among them that can be imported, or a column that is not there"),
            "413": problem("The upload is larger than the setting `import_megabytes`"),
            "503": problem("The drafts cannot be kept at the moment"),
        }


@post(
    "/api/imports",
    status_code=200,
    guards=[requires("editor")],
    operation_class=_Uploading,
    opt={BODY_WITHIN: SECONDS},
    summary="Make drafts of documents and FAQ tables",
)
async def imports(
    request: Request[Caller, Any, State],
    state: State,
    preview: Annotated[bool, QueryParameter(description="Only show what would be made")] = False,
    shown: Annotated[int, QueryParameter(description="Drafts of a preview with their text", ge=0, le=100)] = 5,
    faq: Annotated[bool, QueryParameter(description="The files are FAQ tables, whatever they look like")] = False,
    column: Annotated[
        list[str] | None, QueryParameter(description="FIELD=COLUMN of FAQ tables; may be repeated")
    ] = None,
    under: Annotated[str, QueryParameter(description="Put the drafts' ids below this one", max_length=200)] = "",
    encoding: Annotated[str | None, QueryParameter(description="Of text files; default: found out")] = None,
) -> Report:
    """Nothing is published: each draft waits for an editor. What cannot go in is told by file, row and column."""
    form = await request.form()
    files = [file for file in form.getall(_FIELD, []) if isinstance(file, UploadFile)]
    if not files:
        raise ClientException(f"send the files as multipart/form-data, each in a field {_FIELD!r} with its file name")
    options = Options(faq or bool(column), read_choices(column or ()), encoding, under.strip("/"), shown)
    drafts = None if preview else proposals(state.service.paths, state.settings, actor_of(request))
    return await sync_to_thread(_imported, drafts, state.settings, files, options)


def _imported(drafts: Proposals | None, settings: Settings, files: Sequence[UploadFile], options: Options) -> Report:
    with tempfile.TemporaryDirectory(prefix="kb-import-") as name:
        folder = Path(name)
        for file in files:
            _put(file, folder)
        try:
            return bring([folder], drafts, options, limits_of(settings), zone(settings), silent)
        except InputError as error:
            raise ClientException(str(error).replace(name, "the upload")) from error


def _put(file: UploadFile, folder: Path) -> None:
    """Writes an upload below a folder, by its path as the sender has it. Raises HTTPException (400)."""
    sent = _UNSAFE.sub("-", file.filename).replace("\\", "/")
    parts = [part for part in sent.split("/") if part not in ("", ".", "..")]
    if not parts or any(len(part.encode("utf-8", "replace")) > 200 for part in parts) or len(parts) > 20:
        raise ClientException(f"{sent[:80]!r} is no file name; accepted are 200 bytes a part, and 20 folders")
    place = folder.joinpath(*parts)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with place.open("xb") as stream:
            shutil.copyfileobj(file.file, stream)
    except (FileExistsError, NotADirectoryError) as error:
        raise ClientException(f"{'/'.join(parts)}: was sent twice; send each file once") from error


def imports_route(settings: Settings) -> Router:
    """The route, with the limit on uploads that the settings name."""
    return Router("/", route_handlers=[imports], request_max_body_size=limits_of(settings).file + _FORM)

"""An import from its files to its report: each document and each row of a FAQ table is proposed, or refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from pathlib import Path

from kb.editing.proposals import Image, Proposal, Proposals
from kb.errors import InputError, UsageError
from kb.importers.faq import Table
from kb.importers.gathering import Source, contents, gather
from kb.importers.identity import ids_of
from kb.importers.kinds import Recognised
from kb.importers.limits import Limits
from kb.importers.packages import checked_package
from kb.importers.pages import Made, Place, read_docx, read_markdown, read_page
from kb.importers.report import Drafted, Findings, Kind, Report
from kb.ingest.articles import MalformedArticle
from kb.ingest.rows import is_workbook
from kb.model import Article
from kb.progress import Progress


@dataclass(frozen=True, slots=True)
class Options:
    """How files are read: as FAQ tables whatever they are, with which columns, in which encoding, below which id.

    Of so many drafts a preview shows the whole text.
    """

    faq: bool = False
    columns: Mapping[str, Sequence[str]] = field(default_factory=dict)
    encoding: str | None = None
    under: str = ""
    shown: int = 0


def bring(
    named: Sequence[Path], proposals: Proposals | None, options: Options, limits: Limits, timezone: tzinfo,
    progress: Progress,
) -> Report:  # fmt: skip
    """Reads files and folders and proposes what is good; without `proposals` it is a preview, and nothing is written.

    What cannot go in is in the report, by file, row and column. Raises InputError where nothing at all can be read,
    UsageError where `options` name a column that is not there.
    """
    sources = gather(named, limits)
    work = _Work(proposals, options, limits, timezone, Findings(), _ids(sources, options.under))
    for number, source in enumerate(sources):
        progress("import", number, len(sources))
        work.take(source)
    progress("import", len(sources), len(sources))
    return work.findings.report(len(sources), preview=proposals is None)


def _ids(sources: Sequence[Source], under: str) -> dict[Path, dict[str, str]]:
    """By folder, the id of each path below it."""
    found: dict[Path, dict[str, str]] = {}
    for source, id_ in zip(sources, ids_of([source.path for source in sources], under), strict=True):
        found.setdefault(source.root, {})[source.path] = id_
    return found


@dataclass(frozen=True, slots=True)
class _Work:
    """What one import needs while it runs."""

    proposals: Proposals | None
    options: Options
    limits: Limits
    timezone: tzinfo
    findings: Findings
    ids: Mapping[Path, Mapping[str, str]]

    def take(self, source: Source) -> None:
        """One file; what is wrong with it is noted, and the next one goes on."""
        try:
            data, kind = contents(source, self.limits)
            if kind == "table" or self.options.faq:
                self._take_table(source, data)
            else:
                self._take_document(source, data, kind)
        except MalformedArticle as error:
            for problem in error.problems:
                self.findings.refuse(source.path, problem.message, problem.line, problem.field)
        except UsageError as error:
            if self.options.columns:
                raise
            self.findings.refuse(source.path, _without(source, error))
        except InputError as error:
            self.findings.refuse(source.path, _without(source, error))

    def _take_document(self, source: Source, data: bytes, kind: Recognised) -> None:
        place, ids = Place(data, source.path, source.root, source.file, self.options.encoding), self.ids[source.root]
        read_as: Kind
        if kind == "html":
            made, read_as = read_page(place, ids, self.limits), "html"
        elif kind == "docx":
            made, read_as = read_docx(place, ids, self.limits), "docx"
        elif kind == "markdown":
            made, read_as = read_markdown(place, ids, self.limits, self.timezone), "markdown"
        else:
            raise InputError(f"{source.path}: holds records, which no draft is made of: import it without documents")
        self.findings.note(source.path, made.notes)
        self._propose(source, made, read_as)

    def _take_table(self, source: Source, data: bytes) -> None:
        if is_workbook(source.file):
            checked_package(data, source.path, self.limits).close()
        table = Table(
            source.file, source.path, self.limits, self.timezone, self.findings, self.options.columns,
            self.options.encoding, self.options.under,
        )  # fmt: skip
        for entry in table.entries():
            try:
                self._propose(source, Made(entry.article, entry.text, entry.images), "faq", entry.row)
            except MalformedArticle as error:
                self.findings.refuse(source.path, error.problems[0].message, entry.row, error.problems[0].field)

    def _propose(self, source: Source, made: Made, kind: Kind, row: int | None = None) -> None:
        asked, shown = made.article.id, self.proposals is None and len(self.findings.drafts) < self.options.shown
        given = asked
        if self.proposals is not None:
            given = self.proposals.propose(_proposal(made.article, made.text, source.path, made.images))
        self.findings.made += 1
        article, pictures = made.article, len(made.images)
        text = made.text if shown else None
        self.findings.drafts.append(
            Drafted(given, asked, article.title, article.language, source.path, kind, row, pictures, text)
        )


def _proposal(article: Article, text: str, path: str, images: tuple[Image, ...]) -> Proposal:
    return Proposal(article.id, text, f"import {path}", images=images)


def _without(source: Source, error: Exception) -> str:
    """A message without the file that it begins with: the report has that beside it."""
    return str(error).removeprefix(f"{source.file}: ").removeprefix(f"{source.path}: ")

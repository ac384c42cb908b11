"""A page without what is no content: scripts, navigation, hidden text, comments, the marks that Word leaves."""

from __future__ import annotations

import re
from collections import Counter

from bs4 import BeautifulSoup
from bs4.element import Comment, NavigableString, PreformattedString, Tag

from kb.errors import InputError
from kb.importers.elements import HEADINGS, new, tags, text_of
from kb.importers.limits import DEPTH, ELEMENTS

_NEVER = ("script", "style", "noscript", "template", "head", "link", "meta", "base", "title", "xml", "area", "map",
          "button", "input", "select", "textarea", "datalist", "dialog", "canvas", "audio", "param",
          "wbr")  # fmt: skip
_ROLES = {"navigation": "navigation", "banner": "header", "contentinfo": "footer", "search": "search",
          "menu": "navigation", "menubar": "navigation"}  # fmt: skip
_CLASSES = re.compile(
    r"(nav|navbar|navigation|breadcrumbs?|site-header|site-footer|skip-link|cookie-?(banner|notice|consent)|MsoToc\d|"
    r"MsoHeader|MsoFooter|toc)", re.IGNORECASE,
)  # fmt: skip
_CONTENTS = re.compile(r"msotoc\d|toc", re.IGNORECASE)
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all", re.IGNORECASE)
_BOLD = re.compile(r"font-weight\s*:\s*(bold|[6-9]00)", re.IGNORECASE)
_SLANTED = re.compile(r"font-style\s*:\s*italic", re.IGNORECASE)
_ELSEWHERE = ("iframe", "embed", "object", "video")
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff]")


def parsed(html: str, name: str) -> BeautifulSoup:
    """The page as a browser would read it. Raises InputError where its elements lie too deep within each other."""
    if (count := html.count("<")) > ELEMENTS:
        raise InputError(f"{name}: has {count:,} marks of elements; accepted are {ELEMENTS:,}: split it")
    try:
        soup = BeautifulSoup(html, "html5lib")
    except (RecursionError, ValueError, AssertionError) as error:
        raise InputError(f"{name}: cannot be read as HTML ({type(error).__name__}): save it anew") from error
    depths: dict[int, int] = {id(soup): 0}
    for tag in soup.descendants:
        if isinstance(tag, Tag):
            depths[id(tag)] = depth = depths[id(tag.parent)] + 1
            if depth > DEPTH:
                raise InputError(
                    f"{name}: its elements lie more than {DEPTH} deep within each other; accepted are fewer"
                )
    return soup


def page_title(soup: BeautifulSoup) -> str | None:
    """What the page calls itself."""
    return text_of(soup.title) or None if soup.title else None


def cleaned(soup: BeautifulSoup) -> tuple[Tag, list[str]]:
    """The content of a page, and what was left out of it."""
    left_out: Counter[str] = Counter()
    _take_comments(soup)
    _take_hidden(soup, left_out)
    for tag in tags(soup, *_NEVER):
        if not tag.decomposed:
            _count(tag, left_out, {"button": "buttons", "select": "forms", "textarea": "forms"}.get(tag.name))
            tag.decompose()
    content = _content(soup, left_out)
    _take_navigation(content, left_out)
    _name_what_plays(content, left_out)
    _read_styles(content)
    _take_invisible(content)
    return content, [f"left out: {what} ({count})" for what, count in sorted(left_out.items())]


def _count(tag: Tag, left_out: Counter[str], what: str | None) -> None:
    if what and (text_of(tag) or tag.find("img")):
        left_out[what] += 1


def _take_comments(soup: BeautifulSoup) -> None:
    for text in soup.find_all(string=lambda found: isinstance(found, Comment | PreformattedString)):
        text.extract()


def _take_hidden(soup: BeautifulSoup, left_out: Counter[str]) -> None:
    for tag in soup.find_all(True):
        if tag.decomposed:
            continue
        style = str(tag.get("style") or "")
        if tag.has_attr("hidden") or _HIDDEN.search(style):
            _count(tag, left_out, "hidden text")
            tag.decompose()


def _content(soup: BeautifulSoup, left_out: Counter[str]) -> Tag:
    """The one `main` or `article` of a page where it has one; else its body."""
    body = soup.body or soup
    for chosen in (body.find_all(lambda t: t.name == "main" or t.get("role") == "main"), body.find_all("article")):
        if len(chosen) == 1 and isinstance(chosen[0], Tag) and text_of(chosen[0]):
            outside = len(text_of(body)) - len(text_of(chosen[0]))
            left_out["what stands outside of the page's main part"] += outside > 0
            left_out += Counter()
            if not chosen[0].find(list(HEADINGS)) and (heading := body.find("h1")):
                chosen[0].insert(0, heading.extract())
            return chosen[0]
    return body


def _take_navigation(content: Tag, left_out: Counter[str]) -> None:
    headed = content.find("h1")
    for tag in content.find_all(True):
        if tag.decomposed or (what := _furniture(tag)) is None:
            continue
        heading = tag.find("h1")
        if what == "header" and heading is not None and heading is headed:
            tag.replace_with(heading.extract())  # the page's own title stands in it
        else:
            _count(tag, left_out, what)
            tag.decompose()


def _furniture(tag: Tag) -> str | None:
    """What of a page's frame a tag is; None for content."""
    if tag.name == "nav" or (role := _ROLES.get(str(tag.get("role") or ""))) == "navigation":
        return "navigation"
    if role:
        return role
    if tag.name in ("header", "footer") and not tag.find_parent(["article", "section", "blockquote"]):
        return str(tag.name)
    classes = tag.get_attribute_list("class")
    if any(name and _CONTENTS.fullmatch(name) for name in classes):
        return "table of contents"
    return "navigation" if any(name and _CLASSES.fullmatch(name) for name in classes) else None


def _name_what_plays(content: Tag, left_out: Counter[str]) -> None:
    """What is embedded from elsewhere becomes a link to it, or a word in the report."""
    for tag in tags(content, *_ELSEWHERE):
        if tag.decomposed:
            continue
        inner = tag.find("source")
        address = str(tag.get("src") or tag.get("data") or (inner.get("src") if isinstance(inner, Tag) else "") or "")
        left_out[f"embedded {tag.name}" + (", kept as a link" if address.startswith("http") else "")] += 1
        if address.startswith("http"):
            tag.replace_with(new("a", str(tag.get("title") or address), href=address))
        else:
            tag.decompose()
    for tag in tags(content, "svg"):
        left_out["drawings (SVG)"] += 1
        tag.decompose()


def _read_styles(content: Tag) -> None:
    """Bold and slanted by style are emphasis; a title by Word's class is a heading."""
    for tag in content.find_all("span", style=True):
        style = str(tag["style"])
        tag.name = "strong" if _BOLD.search(style) else "em" if _SLANTED.search(style) else "span"
    for tag in content.find_all("p", class_="MsoTitle"):
        tag.name = "h1"


def _take_invisible(content: Tag) -> None:
    for text in content.find_all(string=_INVISIBLE):
        text.replace_with(NavigableString(_INVISIBLE.sub("", str(text))))

"""A scene → an HTML page that looks like a merge request. Nothing on it is loaded from anywhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape
from pathlib import Path

from bot.web.markdown import to_html

_SUGGESTION = re.compile(
    r'<pre><code class="language-suggestion(?::-(\d+)\+(\d+))?">(.*?)</code></pre>', re.DOTALL
)
STYLE = Path(__file__).with_name("page.css").read_text("utf-8")
EMOJI = {"eyes": "👀", "white_check_mark": "✅", "x": "❌"}


@dataclass(frozen=True, slots=True)
class Lines:
    """What of a file a thread stands under: lines in order from number `first`, those with `added` being new."""

    file: str
    first: int
    lines: tuple[str, ...]
    added: frozenset[int]

    def text(self, number: int) -> str:
        """One line by its number in the file."""
        return self.lines[number - self.first]

    @property
    def last(self) -> int:
        """The number of the last line: the one that is commented on."""
        return self.first + len(self.lines) - 1


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment as Markdown; under lines of the diff when `under` is given; `replies` in the same thread."""

    author: str
    body: str
    under: Lines | None = None
    resolved_by: str = ""
    reactions: tuple[str, ...] = ()
    replies: tuple[Comment, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """One situation of a merge request; `check` is the commit status (name, state, words), `description` Markdown.

    `unfolded`: what a reader can unfold is.
    """

    name: str
    title: str
    state: str
    branch: str
    author: str
    comments: tuple[Comment, ...] = ()
    description: str = ""
    check: tuple[str, str, str] | None = None
    unfolded: bool = False


def page(scene: Scene) -> str:
    """The whole document, styles included."""
    parts = [
        f'<header><span class="state {scene.state.lower()}">{escape(scene.state)}</span>'
        f"<h1>{escape(scene.title)}</h1>"
        f"<p>{escape(scene.author)} wants to merge <code>{escape(scene.branch)}</code> into <code>main</code></p>"
        "</header>"
    ]
    if scene.description:
        parts.append(f'<section class="description md">{_markdown(scene.description)}</section>')
    if scene.check:
        parts.append(_check(*scene.check))
    parts += [_comment(comment) for comment in scene.comments]
    body = "".join(parts)
    if scene.unfolded:
        body = body.replace("<details>", "<details open>")
    head = f'<meta charset="utf-8"><title>{escape(scene.title)}</title><style>{STYLE}</style>'
    return f'<!doctype html><html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _check(name: str, state: str, words: str) -> str:
    mark = {"success": "✓", "failed": "✕"}.get(state, "○")
    return (
        f'<section class="check {escape(state)}"><i>{mark}</i> <b>{escape(name)}</b> '
        f"<span>{escape(words)}</span></section>"
    )


def _comment(comment: Comment) -> str:
    if comment.under is None and not comment.replies:
        return f'<article class="note">{_said(comment, None)}</article>'
    if comment.resolved_by and comment.under is not None:
        # GitLab folds what is resolved, too
        said = escape(f"{comment.under.file}:{comment.under.last} · resolved by {comment.resolved_by}")
        return f'<article class="thread"><p class="resolved">✓ {said}</p></article>'
    parts = [_diff(comment.under)] if comment.under else []
    parts += [_said(one, comment.under) for one in (comment, *comment.replies)]
    return f'<article class="thread">{"".join(parts)}</article>'


def _said(comment: Comment, under: Lines | None) -> str:
    bot = "bot" in comment.author
    letter = escape(comment.author[0].upper())
    badge = '<em class="badge">Bot</em>' if bot else ""
    marks = "".join(f'<span class="reaction">{EMOJI[name]} 1</span>' for name in comment.reactions)
    reactions = f'<div class="reactions">{marks}</div>' if marks else ""
    return (
        f'<div class="said"><span class="avatar{" bot" if bot else ""}">{letter}</span><div class="box">'
        f"<p class=who><b>{escape(comment.author)}</b> <span>@{escape(comment.author)}</span>{badge}</p>"
        f'<div class="md">{_markdown(comment.body, under)}</div>{reactions}</div></div>'
    )


def _markdown(body: str, under: Lines | None = None) -> str:
    def drawn(found: re.Match[str]) -> str:
        return _suggestion(found, under) if under else found[0]

    # tables scroll in a box of their own, as GitLab's do
    html = (
        to_html(body).replace("<table>", '<div class="table"><table>').replace("</table>", "</table></div>")
    )
    return _SUGGESTION.sub(drawn, html)


def _suggestion(found: re.Match[str], under: Lines) -> str:
    """GitLab's box of a suggestion: the lines that go, the lines that come, and the button."""
    above, below = int(found[1] or 0), int(found[2] or 0)
    numbers = range(under.last - above, under.last + below + 1)
    shown = [number for number in numbers if under.first <= number <= under.last]
    old = "".join(_row(number, "", "-", under.text(number)) for number in shown)
    new = "".join(
        f'<tr class="new"><td></td><td>{numbers.start + offset}</td><td>+</td><td><pre>{line}</pre></td></tr>'
        for offset, line in enumerate(found[3].removesuffix("\n").split("\n"))
    )
    return (
        '<div class="suggestion"><p>Suggested change <span class="button">Apply suggestion</span></p>'
        f'<div class="lines"><table>{old}{new}</table></div></div>'
    )


def _diff(under: Lines) -> str:
    rows = []
    for offset, line in enumerate(under.lines):
        number = under.first + offset
        new = number in under.added
        rows.append(_row("" if new else number, number, "+" if new else "", line))
    return f'<div class="lines"><p class="file">{escape(under.file)}</p><table>{"".join(rows)}</table></div>'


def _row(old: object, new: object, sign: str, text: str) -> str:
    kind = {"+": "new", "-": "old"}.get(sign, "")
    return f'<tr class="{kind}"><td>{old}</td><td>{new}</td><td>{sign}</td><td><pre>{escape(text)}</pre></td></tr>'

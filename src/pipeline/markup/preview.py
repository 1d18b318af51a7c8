"""A comment or a report as a page that opens without a network, much as GitHub shows it. It needs the dev group."""

import html
import importlib.util
from pathlib import Path

from pipeline.core import files
from pipeline.core.errors import PipelineError

# Nothing is loaded from elsewhere; the page contains its styles and scripts.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; font-src data:"
DRAW = """
const dark = matchMedia('(prefers-color-scheme: dark)').matches;
mermaid.initialize({startOnLoad: false, securityLevel: 'strict', theme: dark ? 'dark' : 'default'});
const folds = [...document.querySelectorAll('details')];
const wasOpen = folds.map(fold => fold.open);
folds.forEach(fold => fold.open = true);  // a closed fold has no size to draw in
mermaid.run({querySelector: '.mermaid', suppressErrors: true}).finally(() => {
  folds.forEach((fold, place) => fold.open = wasOpen[place] || location.hash === '#open');
  document.body.dataset.drawn = 'yes';
});
"""


def write(markdown: str, path: Path, title: str = "Pull request") -> None:
    """Write the comment as one HTML file; without the package `mermaidx` a chart is shown as its source."""
    script = _mermaid()
    scripts = f"<script>{script}</script><script>{DRAW}</script>" if script else ""
    page = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><title>{html.escape(title)}</title>'
        f"<style>{_read_resource('preview.css')}</style></head><body><article>{_html(markdown)}</article>{scripts}</body></html>\n"
    )
    files.write_text(path, page)


def _html(markdown: str) -> str:
    try:
        from markdown_it import MarkdownIt
    except ImportError:
        raise PipelineError("preview: markdown-it-py is missing; `make setup` installs it") from None
    renderer = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tokens = renderer.parse(markdown)
    for token in tokens:
        if token.type == "fence" and token.info == "mermaid":
            token.type, token.content = "html_block", f'<pre class="mermaid">{html.escape(token.content)}</pre>\n'
    return str(renderer.renderer.render(tokens, renderer.options, {}))


def _mermaid() -> str | None:
    """Mermaid's script, from the package that contains it; None where it is not installed."""
    spec = importlib.util.find_spec("mermaidx")
    path = Path(spec.origin).parent / "assets/mermaid.js" if spec and spec.origin else None
    if path is None or not path.is_file():
        return None
    return path.read_text(encoding="utf-8").replace("</script", "<\\/script")


def _read_resource(name: str) -> str:
    return (Path(__file__).parent / name).read_text(encoding="utf-8")

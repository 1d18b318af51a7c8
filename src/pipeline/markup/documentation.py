"""Links to pages of the documentation, in comments and issues. They are absolute: GitHub sends them by e-mail, too."""

import os

from pipeline.markup.markdown import Markdown, code, escape


def link(text: str, page: str) -> Markdown:
    """A link to a page of this repository, such as docs/how-to/deploy.md; its path outside a workflow."""
    repository = os.environ.get("GITHUB_REPOSITORY")
    if not repository:
        return Markdown(f"{escape(text)}: {code(page)}")
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
    return Markdown(f"[{escape(text)}]({server}/{repository}/blob/HEAD/{page})")

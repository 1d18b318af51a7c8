"""One comment of ours on an issue, that is written anew rather than once more."""

from pipeline.github.client import api
from pipeline.github.client.posting import BOT

TO = "comment on the issue"


def remark(number: int, kind: str, text: str) -> None:
    """Post the text on an issue, or put it into what we said there before of the same kind."""
    marker = f"<!-- pipeline-{kind} -->"
    body = f"{marker}\n{text}"
    for data in api.pages(f"issues/{number}/comments", to="read the comments"):
        ours = (data.get("user") or {}).get("login") == BOT
        if ours and (data.get("body") or "").startswith(marker):
            if data["body"] != body:
                api.call("PATCH", f"issues/comments/{data['id']}", {"body": body}, to=TO)
            return
    api.call("POST", f"issues/{number}/comments", {"body": body}, to=TO, again=False)

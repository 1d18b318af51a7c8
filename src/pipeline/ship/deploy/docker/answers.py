"""The front's own answers, as the service writes its refusals."""


def refusal(status: int, text: str, rest: str) -> str:
    """A rule that answers with this status and text; `rest`: headers, and on which condition."""
    return f"http-request return status {status} content-type application/json string {body(text)} {rest}"


def body(text: str) -> str:
    """The body of a refusal, quoted for HAProxy."""
    return f"""'{{"error": "{text}", "problems": []}}'"""

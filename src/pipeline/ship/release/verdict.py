"""The verdict that a release carries: the gate's, made when it was released, and who overruled it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Origin = Literal["ledger", "history", "option", "none"]
MISSING = "no verdict: an older version of the template made this release"


class Overruling(BaseModel):
    """Who overruled the gate, when (UTC, ISO 8601) and why; `pull_request`: where that was recorded."""

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    by: Annotated[str, Field(min_length=1, max_length=100)]
    at: str
    reason: Annotated[str, Field(min_length=1, max_length=500)]
    pull_request: int | None = None


class ReleaseVerdict(BaseModel):
    """The outcome, a sentence for each rule that fails or warns, and the model that the release was judged against.

    `commit` and `model` (MD5) are empty where there was no model before. `origin` says how that model was found:
    ledger (production serves it), history (the model before it in git), option (--champion).
    """

    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)

    outcome: Literal["pass", "warn", "fail"]
    failing: list[str]
    warnings: list[str]
    origin: Origin
    commit: str = ""
    model: str = ""
    overruled: Overruling | None = None
    serves: bool = False  # production serves this very model already, so a failed verdict refuses nothing

    @property
    def refused(self) -> bool:
        return self.outcome == "fail" and self.overruled is None and not self.serves

    def __str__(self) -> str:
        """One line for people."""
        if self.overruled:
            return f"gate: {self.outcome}, overruled by {self.overruled.by}: {self.overruled.reason}"
        return f"gate: {self.outcome}" + (" (production serves this model already)" if self._is_kept else "")

    @property
    def _is_kept(self) -> bool:
        return self.serves and self.outcome == "fail"

    def entry(self) -> dict[str, Any]:
        """What the ledger keeps of it."""
        return self.model_dump(include={"outcome", "commit", "model", "overruled"}, exclude_none=True)

    def stands(self, own: str, serving: str) -> bool:
        """Whether it still holds for the model `own` where `serving` is the model to be judged against (MD5s)."""
        return not self.refused and serving in {self.model, own}


def line(verdict: ReleaseVerdict | None) -> str:
    return str(verdict) if verdict else MISSING

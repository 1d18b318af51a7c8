"""A repository whose commits name models in dvc.lock, and nothing else of a project."""

from pathlib import Path

from pipeline.core.git import git

SIGN = ("-c", "user.name=t", "-c", "user.email=t@example.org")


class History:
    """Its `commits` by the name that the test gave them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.commits = folder, dict[str, str]()
        folder.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")

    def git(self, *arguments: str) -> str:
        result = git(self.folder, *SIGN, *arguments)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def lock(self, model: str) -> None:
        lines = ["schema: '2.0'", "stages:", "  train:", "    outs:"]
        for path, md5 in (("models/model.txt", model), ("models/signature.json", f"s-{model}")):
            lines += [f"    - path: {path}", f"      md5: {md5}"]
        (self.folder / "dvc.lock").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def commit(self, name: str, model: str | None = None) -> str:
        """A commit whose lock names that model; without one it only changes the documentation."""
        if model is None:
            (self.folder / "README.md").write_text(name, encoding="utf-8")
        else:
            self.lock(model)
        self.git("add", "--all")
        self.git("commit", "-qm", name)
        self.commits[name] = self.git("rev-parse", "HEAD")
        return self.commits[name]

    def merge(self, branch: str, name: str, *, squash: bool = False) -> str:
        """Merge a branch into main, by a merge commit or squashed."""
        self.git("checkout", "-q", "main")
        self.git("merge", "-q", *(["--squash"] if squash else ["--no-ff", "--no-commit"]), branch)
        self.git("commit", "-qm", name)
        self.commits[name] = self.git("rev-parse", "HEAD")
        return self.commits[name]

"""`pipeline upgrade` of a small project: merged by an explicit base, squash-merged, in conflict, brought back."""

import os
from pathlib import Path

import pytest

from pipeline.core import template as template_file
from pipeline.upgrade import environment, state
from tests.pipeline.conftest import require
from tests.pipeline.in_process import run
from tests.pipeline.upgrade.conftest import ENGINE, OWN, PARAMS, TEMPLATE, Fork, Template, run_program

SECOND = {
    "README.md": "# Template, better\n",
    "data/table.csv": "a\n2\n",
    "dvc.lock": "schema: '2.0'\nstages: {new: {}}\n",
    "params.yaml": "train:\n  seed: 1   # Seed.\n  refit: true   # Fit again.\n",
    "src/project/__init__.py": "theirs = 1\n",
    "src/project/sample.py": "sample = 1\n",
    "src/pipeline/engine.py": ENGINE.replace("line 3\n", "line three\n"),
    "src/pipeline/old_name.py": None,
    "src/pipeline/new_name.py": "".join(f"old {number}\n" for number in range(30)),
    "src/pipeline/gone.py": None,
    "src/pipeline/brand_new.py": "new\n",
}


def upgrade(fork: Fork, *options: str, status: int = 0) -> str:
    actual, printed = run("upgrade", "--source", str(fork.template.folder), *options)
    assert (actual, "Traceback" in printed) == (status, False), printed
    return printed


def back(status: int = 0) -> str:
    actual, printed = run("upgrade", "--abort")
    assert actual == status, printed
    return printed


def test_the_engine_is_merged_and_the_projects_paths_stay(fork: Fork) -> None:
    commit = fork.template.release("0.2.0", SECOND)
    start = fork.git("rev-parse", "HEAD")

    printed = upgrade(fork)

    files = fork.files()
    for name, content in OWN.items():
        assert name == "params.yaml" or files[name] == content, name
    assert files["params.yaml"] == "train:\n  seed: 7   # ours\n  refit: true   # Fit again.\n"
    assert "src/project/sample.py" not in files
    engine = {name: content for name, content in files.items() if name.startswith("src/pipeline/")}
    assert engine == {name: content for name, content in SECOND.items() if name.startswith("src/pipeline/") and content}
    own = template_file.read(fork.folder)
    assert (own.version, own.commit) == ("0.2.0", commit)
    assert fork.git("status", "--porcelain") == ""
    assert fork.git("rev-parse", "HEAD^") == start == fork.git("rev-parse", "main")
    assert fork.git("branch", "--show-current") == "template-0.2.0"
    assert "upgrade: 0.1.0 → 0.2.0, on the branch template-0.2.0" in printed
    assert "- News of 0.2.0." in printed
    assert "- The first." not in printed
    assert "train.refit: is new" in printed
    assert "dvc.lock: run again" in printed
    assert "git push --set-upstream origin template-0.2.0" in printed
    assert "gh pr create" in printed


def test_two_upgrades_in_a_row_both_squash_merged_conflict_in_nothing(fork: Fork) -> None:
    fork.template.release("0.2.0", SECOND)
    upgrade(fork)
    fork.squash("template-0.2.0")
    fork.commit({"params.yaml": fork.read("params.yaml").replace("7", "8"), "src/project/more.py": "more = 1\n"})
    third = fork.read("src/pipeline/engine.py").replace("line three\n", "line 3, again\n")
    commit = fork.template.release("0.3.0", {"src/pipeline/engine.py": third, "src/pipeline/brand_new.py": "newer\n"})

    printed = upgrade(fork)
    fork.squash("template-0.3.0")

    assert "upgrade: 0.2.0 → 0.3.0" in printed
    assert "News of 0.2.0" not in printed
    assert fork.read("src/pipeline/engine.py") == third
    assert fork.read("src/pipeline/brand_new.py") == "newer\n"
    assert fork.read("params.yaml") == "train:\n  seed: 8   # ours\n  refit: true   # Fit again.\n"
    assert fork.read("src/project/more.py") == "more = 1\n"
    assert template_file.read(fork.folder).commit == commit
    assert "upgrade: 0.3.0 is the newest version" in upgrade(fork)


def test_versions_that_were_skipped_come_with_the_next_one(fork: Fork) -> None:
    fork.template.release("0.2.0", SECOND)
    fork.template.release("0.10.0", {"src/pipeline/brand_new.py": "newest\n"})
    printed = upgrade(fork)
    assert fork.read("src/pipeline/brand_new.py") == "newest\n"
    assert printed.index("News of 0.10.0") < printed.index("News of 0.2.0")


def test_edits_of_the_engine_elsewhere_are_merged(fork: Fork) -> None:
    ours = {
        "src/pipeline/engine.py": ENGINE.replace("line 25\n", "ours\n"),
        "src/pipeline/old_name.py": fork.read("src/pipeline/old_name.py").replace("old 20", "ours"),
        "src/pipeline/own.py": "own\n",
    }
    fork.commit(dict(ours))
    fork.template.release("0.2.0", SECOND)
    printed = upgrade(fork)
    assert fork.read("src/pipeline/engine.py") == ENGINE.replace("line 25\n", "ours\n").replace(
        "line 3\n", "line three\n"
    )
    assert fork.read("src/pipeline/new_name.py") == ours["src/pipeline/old_name.py"]
    assert fork.read("src/pipeline/own.py") == "own\n"
    assert "kept as they are: src/pipeline/own.py" in printed


def conflicting(fork: Fork) -> None:
    """The project has edited a line that the template changes, and a file that it removes."""
    fork.commit(
        {"src/pipeline/engine.py": ENGINE.replace("line 3\n", "our line\n"), "src/pipeline/gone.py": "gone\nours\n"}
    )
    fork.template.release("0.2.0", SECOND)


def test_a_conflict_is_named_and_nothing_is_lost(fork: Fork) -> None:
    conflicting(fork)
    printed = upgrade(fork, status=1)
    assert "upgrade: conflicts in 2, which you" in printed
    assert "  src/pipeline/engine.py\n  src/pipeline/gone.py\n" in printed
    both = fork.read("src/pipeline/engine.py")
    assert "<<<<<<< HEAD\nour line\n" in both
    assert "line three\n>>>>>>>" in both
    assert "template 0.2.0" in both
    assert fork.read("src/pipeline/gone.py") == "gone\nours\n"
    assert "--continue" in upgrade(fork, status=2)

    assert "src/pipeline/engine.py: still conflicts" in run("upgrade", "--continue")[1]
    fork.git("add", "src/pipeline/engine.py", "src/pipeline/gone.py")
    assert "still holds the markers of a conflict" in run("upgrade", "--continue")[1]
    (fork.folder / "src/pipeline/engine.py").write_text(ENGINE.replace("line 3\n", "both\n"))
    status, printed = run("upgrade", "--continue")

    assert status == 0, printed
    assert "upgrade: 0.1.0 → 0.2.0" in printed
    assert fork.read("src/pipeline/engine.py") == ENGINE.replace("line 3\n", "both\n")
    assert fork.read("src/pipeline/brand_new.py") == "new\n"
    assert fork.git("status", "--porcelain") == ""
    assert template_file.read(fork.folder).version == "0.2.0"


@pytest.mark.parametrize("finished", [False, True])
def test_abort_brings_everything_back(fork: Fork, finished: bool) -> None:
    if finished:
        fork.template.release("0.2.0", SECOND)
    else:
        conflicting(fork)
    (fork.folder / "untracked.txt").write_text("mine")
    before, head = fork.files(), fork.git("rev-parse", "HEAD")
    upgrade(fork, status=0 if finished else 1)

    assert "upgrade: everything is as it was (main)" in back()

    assert (fork.files(), fork.git("rev-parse", "HEAD"), fork.git("branch", "--show-current")) == (before, head, "main")
    assert fork.git("status", "--porcelain") == "?? untracked.txt"
    assert fork.git("branch", "--format=%(refname:short)") == "main"
    assert "none is under way" in back(status=2)
    upgrade(fork, status=0 if finished else 1)


def test_the_engine_that_began_is_kept_as_the_work_tree_holds_conflicts(
    fork: Fork, monkeypatch: pytest.MonkeyPatch
) -> None:
    conflicting(fork)
    monkeypatch.setattr(state, "ENGINE", fork.folder / "src/pipeline")
    before = fork.read("src/pipeline/engine.py")
    printed = upgrade(fork, status=1)
    assert "  PYTHONPATH=.git/pipeline-upgrade pipeline upgrade --abort\n" in printed
    assert (fork.folder / ".git/pipeline-upgrade/pipeline/engine.py").read_text() == before
    back()
    assert not (fork.folder / ".git/pipeline-upgrade").exists()


def test_abort_keeps_a_branch_with_commits_of_a_person(fork: Fork) -> None:
    fork.template.release("0.2.0", SECOND)
    upgrade(fork)
    fork.commit({"dvc.lock": "run again\n"}, "run again")
    assert "the branch template-0.2.0 has commits of yours and is kept" in back()
    assert fork.git("branch", "--show-current") == "main"
    assert fork.git("show", "template-0.2.0:dvc.lock") == "run again"


def test_a_chosen_version(fork: Fork) -> None:
    fork.template.release("0.2.0", SECOND)
    fork.template.release("0.3.0", {"src/pipeline/brand_new.py": "newest\n"})
    assert "0.9.0: is no version of" in upgrade(fork, "0.9.0", status=2)
    assert "0.1.0: is not newer than 0.1.0" in upgrade(fork, "0.1.0", status=2)
    upgrade(fork, "v0.2.0")
    assert fork.read("src/pipeline/brand_new.py") == "new\n"


def test_a_withdrawn_version_is_passed_over(fork: Fork) -> None:
    fork.template.release("0.2.0", SECOND)
    fork.template.release("0.3.0", {"src/pipeline/brand_new.py": "bad\n"}, mark=" [YANKED]")
    upgrade(fork)
    assert template_file.read(fork.folder).version == "0.2.0"


def test_the_base_is_asked_for_where_no_commit_of_the_template_fits(fork: Fork) -> None:
    fork.template.release("0.2.0", SECOND)
    fork.git("checkout", "-q", "--orphan", "other")
    fork.commit({"README.md": "# Edited before the first commit\n"})
    printed = upgrade(fork, status=2)
    assert "no commit of the template has the files of this project's first one" in printed
    assert "--base" in printed
    assert "is neither a version nor a commit" in upgrade(fork, "--base", "0.7.0", status=2)
    upgrade(fork, "--base", "0.1.0")
    assert fork.read("src/pipeline/engine.py") == SECOND["src/pipeline/engine.py"]
    assert fork.read("README.md") == "# Edited before the first commit\n"


def test_a_project_that_began_between_two_versions_is_found(template: Template, fork: Fork, tmp_path: Path) -> None:
    between = template.commit({"src/pipeline/between.py": "between\n"})
    later = Fork(tmp_path / "later", template)
    template.release("0.2.0", {**SECOND, "src/pipeline/between.py": None})
    os.chdir(later.folder)
    upgrade(later)
    assert not (later.folder / "src/pipeline/between.py").exists()
    assert later.git("log", "-1", "--format=%s") == "Template 0.2.0"
    assert between != later.git("rev-parse", "HEAD")


def test_a_clone_shares_history_with_the_template(template: Template, fork: Fork, tmp_path: Path) -> None:
    run_program("git", "clone", "-q", str(template.folder), str(tmp_path / "clone"))
    os.chdir(tmp_path / "clone")
    run_program("git", "commit", "-q", "--allow-empty", "-m", "ours")
    template.release("0.2.0", SECOND)
    upgrade(fork)
    assert Path("src/pipeline/brand_new.py").read_text() == "new\n"


def test_a_project_older_than_its_own_rooms_gets_what_it_has_to_have(template: Template, fork: Fork) -> None:
    lacking = dict.fromkeys(("src/project/__init__.py", "src/project/pyproject.toml", ".template.yaml"))
    fork.commit(dict(lacking))
    template.release("0.2.0", SECOND)
    printed = upgrade(fork)
    assert fork.read("src/project/pyproject.toml") == "[project]\n"
    assert not (fork.folder / "src/project/sample.py").exists()
    assert "upgrade: a copy without a version → 0.2.0" in printed


def test_what_the_template_file_says_of_the_project_stays(fork: Fork, monkeypatch: pytest.MonkeyPatch) -> None:
    own = TEMPLATE.format(version="0.1.0").replace("source: null", "source: acme/pipeline") + "  - docs/ours/\n"
    fork.commit({".template.yaml": own, "docs/ours/page.md": "ours\n"})
    fork.template.release("0.2.0", SECOND | {"docs/ours/page.md": "theirs\n"})
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{fork.template.folder}.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "https://github.com/acme/pipeline")
    assert run("upgrade")[0] == 0
    written = template_file.read(fork.folder)
    assert (written.source, written.project[-1]) == ("acme/pipeline", "docs/ours/")
    assert fork.read("docs/ours/page.md") == "ours\n"
    assert "version: 0.2.0   # Of the template.\n" in fork.read(".template.yaml")


def test_a_changed_work_tree_and_a_file_in_the_way_are_refused(fork: Fork) -> None:
    fork.template.release("0.2.0", SECOND)
    (fork.folder / "README.md").write_text("changed")
    assert "README.md: has changes that are not committed" in upgrade(fork, status=2)
    fork.git("checkout", "-q", "README.md")
    (fork.folder / "src/pipeline/brand_new.py").write_text("in the way")
    before = fork.git("rev-parse", "HEAD")
    assert "would be overwritten" in upgrade(fork, status=2)
    assert (fork.git("rev-parse", "HEAD"), fork.git("branch", "--show-current")) == (before, "main")
    assert fork.read("src/pipeline/brand_new.py") == "in the way"
    assert fork.git("status", "--porcelain") == "?? src/pipeline/brand_new.py"


def test_what_is_missing_is_named(fork: Fork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ".template.yaml names no source" in run("upgrade")[1]
    assert "the template can't be read" in run("upgrade", "--source", str(tmp_path))[1]
    fork.git("branch", "template-0.2.0")
    fork.template.release("0.2.0", SECOND)
    assert "the branch template-0.2.0 exists already" in upgrade(fork, status=2)
    monkeypatch.chdir(fork.folder / "src")
    assert "run from the top of the repository" in upgrade(fork, status=2)
    monkeypatch.chdir(tmp_path)
    assert "this is no git repository" in upgrade(fork, status=2)


def test_what_the_new_engine_says_of_the_parameters_needs_a_hand(fork: Fork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "parameter_problems", lambda: ["params.yaml: train.x: unknown key"])
    fork.template.release("0.2.0", SECOND)
    assert "Needs a hand:\n  dvc.lock: run again" in upgrade(fork).replace("\n  params.yaml: train.x: unknown key", "")


def test_an_ssh_signature_is_verified(fork: Fork, tmp_path: Path) -> None:
    for name in ("ours", "other"):
        run_program("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / name))
    sign = ["-c", "gpg.format=ssh", "-c", f"user.signingkey={tmp_path / 'ours'}"]
    fork.template.release("0.2.0", SECOND, sign=sign)
    fork.template.release("0.3.0", {"params.yaml": PARAMS})
    before = fork.git("rev-parse", "HEAD")
    assert "v0.2.0: is not signed by" in upgrade(fork, "0.2.0", "--key", str(tmp_path / "other.pub"), status=2)
    assert "v0.3.0: is not signed by" in upgrade(fork, "--key", str(tmp_path / "ours.pub"), status=2)
    assert (fork.git("rev-parse", "HEAD"), fork.git("branch", "--show-current")) == (before, "main")
    upgrade(fork, "0.2.0", "--key", str(tmp_path / "ours.pub"))
    assert template_file.read(fork.folder).version == "0.2.0"


@pytest.mark.engine
def test_an_openpgp_signature_is_verified(fork: Fork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    require("gpg")
    (tmp_path / "gnupg").mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(tmp_path / "gnupg"))
    run_program("gpg", "--batch", "--passphrase", "", "--quick-gen-key", "t@example.org", "ed25519", "sign", "never")
    run_program("gpg", "--batch", "--armor", "--output", str(tmp_path / "ours.asc"), "--export", "t@example.org")
    fork.template.release("0.2.0", SECOND, sign=["-c", "user.signingkey=t@example.org"])
    run_program("gpgconf", "--kill", "gpg-agent")
    (tmp_path / "none.asc").write_text("no key\n")
    assert "is no public key of SSH or OpenPGP" in upgrade(fork, "--key", str(tmp_path / "none.asc"), status=2)
    assert "can't be read" in upgrade(fork, "--key", str(tmp_path / "absent.asc"), status=2)
    upgrade(fork, "--key", str(tmp_path / "ours.asc"))
    assert template_file.read(fork.folder).version == "0.2.0"

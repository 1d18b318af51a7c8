"""A repository gets no runner until the workflows of forks wait for approval."""

import exposure
import pytest

PUBLIC = {"full_name": "octo/model", "private": False}
LIMITED = {"restricted_to_workflows": True, "selected_workflows": ["octo/model/.github/workflows/train.yaml@main"]}


PRIVATE = {"full_name": "octo/model", "private": True}


def forks(run: object, approval: object) -> dict[str, object]:
    return {"run_workflows_from_fork_pull_requests": run, "require_approval_for_fork_pr_workflows": approval}


@pytest.mark.parametrize(("run", "approval"), [(False, False), (False, True), (True, True)])
def test_a_private_repository_whose_forks_run_nothing_unseen_may_have_a_runner(run: bool, approval: bool) -> None:
    assert exposure.refusal(PRIVATE, "not looked at", forks(run, approval), None) is None


@pytest.mark.parametrize("settings", [forks(True, False), {}, {"run_workflows_from_fork_pull_requests": None}])
def test_a_private_repository_whose_forks_run_at_once_or_may_is_told_what_to_set(settings: dict[str, object]) -> None:
    reason = exposure.refusal(PRIVATE, "not looked at", settings, None)
    assert reason is not None
    assert "Run workflows from fork pull requests" in reason
    assert "Require approval for fork pull request workflows" in reason
    assert "\n" not in reason


@pytest.mark.parametrize("policy", ["first_time_contributors", "first_time_contributors_new_to_github", "unknown", ""])
def test_a_public_repository_without_approval_for_all_is_told_what_to_set(policy: str) -> None:
    reason = exposure.refusal(PUBLIC, policy, {}, None)
    assert reason is not None
    assert "Settings → Actions → General" in reason
    assert "Require approval for all external contributors" in reason
    assert "\n" not in reason


def test_a_public_repository_with_approval_for_all_may_have_a_runner() -> None:
    assert exposure.refusal(PUBLIC, "all_external_contributors", {}, None) is None


def test_a_group_that_is_limited_to_workflows_stands_in_for_approval() -> None:
    assert exposure.refusal(PUBLIC, "first_time_contributors", {}, LIMITED) is None
    assert exposure.refusal(PRIVATE, "not looked at", forks(True, False), LIMITED) is None


@pytest.mark.parametrize("change", [{"restricted_to_workflows": False}, {"selected_workflows": []}])
def test_a_group_that_any_workflow_may_use_does_not(change: dict[str, object]) -> None:
    assert exposure.refusal(PUBLIC, "first_time_contributors", {}, LIMITED | change)


def test_an_answer_that_says_nothing_of_privacy_counts_as_public() -> None:
    assert exposure.refusal({"full_name": "octo/model"}, "unknown", {}, None)

"""A repository gets no runner until the workflows of forks wait for approval."""

import exposure
import pytest

PUBLIC = {"full_name": "octo/model", "private": False}
LIMITED = {"restricted_to_workflows": True, "selected_workflows": ["octo/model/.github/workflows/train.yaml@main"]}


PRIVATE = {"full_name": "octo/model", "private": True}


def forks(run: object, approval: object) -> dict[str, object]:
    return {
        "run_workflows_from_fork_pull_requests": run,
        "require_approval_for_fork_pr_workflows": approval,
        "send_write_tokens_to_workflows": False,
        "send_secrets_and_variables": False,
    }


@pytest.mark.parametrize(("run", "approval"), [(False, False), (False, True), (True, True)])
def test_a_private_repository_whose_forks_run_nothing_unapproved_may_have_a_runner(run: bool, approval: bool) -> None:
    assert exposure.refusal(PRIVATE, "not checked", forks(run, approval), None) is None


@pytest.mark.parametrize("settings", [forks(True, False), {}, {"run_workflows_from_fork_pull_requests": None}])
def test_for_a_private_repository_whose_forks_may_run_unapproved_the_error_says_what_to_set(
    settings: dict[str, object],
) -> None:
    reason = exposure.refusal(PRIVATE, "not checked", settings, None)
    assert reason is not None
    assert "Run workflows from fork pull requests" in reason
    assert "Require approval for fork pull request workflows" in reason
    assert "\n" not in reason


@pytest.mark.parametrize("group", [None, LIMITED])
@pytest.mark.parametrize(
    ("setting", "label"),
    [("send_write_tokens_to_workflows", "Send write tokens"), ("send_secrets_and_variables", "Send secrets")],
)
def test_a_private_repository_that_gives_forks_write_tokens_or_secrets_gets_no_runner(
    setting: str, label: str, group: dict[str, object] | None
) -> None:
    reason = exposure.refusal(PRIVATE, "not checked", forks(True, True) | {setting: True}, group)
    assert reason is not None
    assert label in reason
    assert "\n" not in reason
    assert exposure.refusal(PRIVATE, "not checked", forks(False, False) | {setting: True}, group) is None


@pytest.mark.parametrize("policy", ["first_time_contributors", "first_time_contributors_new_to_github", "unknown", ""])
def test_for_a_public_repository_without_approval_for_all_the_error_says_what_to_set(policy: str) -> None:
    reason = exposure.refusal(PUBLIC, policy, {}, None)
    assert reason is not None
    assert "Settings → Actions → General" in reason
    assert "Require approval for all external contributors" in reason
    assert "\n" not in reason


def test_a_public_repository_with_approval_for_all_may_have_a_runner() -> None:
    assert exposure.refusal(PUBLIC, "all_external_contributors", {}, None) is None


def test_a_group_that_is_limited_to_workflows_needs_no_approval() -> None:
    assert exposure.refusal(PUBLIC, "first_time_contributors", {}, LIMITED) is None
    assert exposure.refusal(PRIVATE, "not checked", forks(True, False), LIMITED) is None


@pytest.mark.parametrize("change", [{"restricted_to_workflows": False}, {"selected_workflows": []}])
def test_a_group_that_any_workflow_may_use_is_not_enough(change: dict[str, object]) -> None:
    assert exposure.refusal(PUBLIC, "first_time_contributors", {}, LIMITED | change)


def test_a_response_without_privacy_counts_as_public() -> None:
    assert exposure.refusal({"full_name": "octo/model"}, "unknown", {}, None)

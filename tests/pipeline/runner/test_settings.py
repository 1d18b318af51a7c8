"""A wrong setting is named before GitHub is called."""

import pytest
import settings
from github_app import RegistrarError

GOOD = {"GITHUB_REPOSITORY": "octo/model", "APP_ID": "1", "RUNNER_NAME": "gpu-1", "RUNNER_VERSION": "2.338.0"}


def test_three_settings_are_enough() -> None:
    parsed = settings.from_environment(GOOD)
    assert parsed.labels == ("self-hosted", "gpu")
    assert parsed.api == "https://api.github.com"
    assert parsed.owner_path == "/repos/octo/model"


def test_a_runner_group_is_the_organizations() -> None:
    parsed = settings.from_environment(GOOD | {"RUNNER_GROUP_ID": "3"})
    assert parsed.owner_path == "/orgs/octo"
    expected = {"organization_self_hosted_runners": "write", "administration": "read", "metadata": "read"}
    assert parsed.permissions == expected


def test_without_a_group_the_token_can_do_nothing_to_the_organization() -> None:
    assert settings.from_environment(GOOD).permissions == {"administration": "write", "metadata": "read"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_REPOSITORY", "https://github.com/octo/model"),
        ("APP_ID", ""),
        ("RUNNER_NAME", "a b"),
        ("RUNNER_VERSION", ""),
        ("RUNNER_LABELS", "gpu"),
        ("RUNNER_LABELS", "[]"),
        ("RUNNER_LABELS", "[1]"),
        ("RUNNER_GROUP_ID", "default"),
        ("STALE_MINUTES", "soon"),
    ],
)
def test_a_bad_setting_is_one_line_with_its_name(name: str, value: str) -> None:
    with pytest.raises(RegistrarError, match=name) as error:
        settings.from_environment(GOOD | {name: value})
    assert "\n" not in str(error.value)

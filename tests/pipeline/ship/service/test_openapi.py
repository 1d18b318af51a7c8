"""The service against its own OpenAPI description, by schemathesis."""

from pathlib import Path

import pytest

from tests.pipeline.conftest import Project
from tests.pipeline.ship.service.conftest import Server

pytestmark = pytest.mark.engine


def test_no_request_that_the_description_allows_or_forbids_ends_in_a_5xx(
    server: Server, binary: Project, tmp_path: Path
) -> None:
    checks = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance"
    result = binary.run(
        *("schemathesis", "run", f"{server.url}/docs.json", "--mode", "all", "--max-examples", "40"),
        *("--phases", "examples,coverage,fuzzing", "--checks", checks, "--seed", "1", "--request-timeout", "20"),
    )
    assert result.returncode == 0, result.stdout[-4000:]

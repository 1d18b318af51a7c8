"""`pipeline adopt` removes or writes anew each file of the project that names the sample's columns or features."""

from pathlib import Path

from pipeline.adopt import project_files
from pipeline.core.yaml import load_yaml

ROOT = Path(__file__).parents[3]
WRITTEN = {"README.md"}


def test_no_file_that_names_the_sample_is_left():
    columns = load_yaml(ROOT / "data/schema.yaml", "data/schema.yaml")["columns"]
    code = [path for path in (ROOT / project_files.FEATURES).glob("*.py") if path.name != "__init__.py"]
    removed = {ROOT / name for name in (*project_files.SAMPLES_OWN, *WRITTEN)} | set(code)
    words = [name for name in columns if "_" in name] + [path.stem for path in code]
    texts = [ROOT / "README.md", *(ROOT / "src/project").rglob("*.py"), *(ROOT / "tests/project").rglob("*.py")]
    naming = [path for path in texts if any(word in path.read_text(encoding="utf-8") for word in words)]
    assert [path for path in naming if path not in removed] == []

"""The bill of materials names files that belong to no package."""

from pathlib import Path

from pipeline.ship.release import image


def test_a_file_of_the_feature_code_is_a_component_with_its_hash(tmp_path: Path) -> None:
    path = tmp_path / "credit.py"
    path.write_bytes(b"abc")
    assert image.component(path) == {
        "type": "file",
        "name": path.as_posix(),
        "hashes": [{"alg": "SHA-256", "content": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}],
    }

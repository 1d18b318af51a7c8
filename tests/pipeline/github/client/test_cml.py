"""CML's watermark is an image on its own host, which no reader's browser may load."""

from pipeline.github.client import cml
from pipeline.markup.preview import _html


def test_the_watermark_is_found_by_cml_and_not_shown() -> None:
    body = "### The model\n\n| a |\n| --- |" + cml.watermark("a" * 40)

    assert cml.pattern().search(body)
    shown = _html(body).partition("<!--")[0]
    assert "<h3>The model</h3>" in shown
    assert "</table>" in shown
    assert "<img" not in _html(body)

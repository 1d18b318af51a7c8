"""Stage: the model card, from what the other stages wrote. The model is named by hash, never by time or commit."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from pipeline.core import costs, files, params, report_shapes
from pipeline.markup import markdown
from pipeline.models import feature_code, signature
from pipeline.train.card import feature_table
from pipeline.train.card import limits as card_limits
from pipeline.train.card import tables as card_tables
from pipeline.train.card.limits import Evidence
from pipeline.train.card.tables import Settings

F = TypeVar("F", bound=Callable[..., Any])
TEMPLATE = "model_card.md.j2"
REPORTS = ("training", "metrics", "slices", "fairness", "importance", "drift", "quality", "split", "source")
HASHED = ("model", "signature", "source", "schema")


def render(settings: Settings, evidence: Evidence) -> str:
    """The model card, GitHub Markdown; every text from data or parameters is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(  # noqa: S701 (no HTML: `finalize` escapes every value for Markdown)
        loader=PackageLoader("pipeline.train", "card"),
        finalize=markdown.escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(TEMPLATE).render(**_content(settings, evidence))


def _content(settings: Settings, evidence: Evidence) -> dict[str, Any]:
    sections = {name: getattr(settings, name).model_dump(mode="json") for name in ("features", "split", "train")}
    return {
        "card": settings.card,
        "summary": card_tables.summary(evidence.signature, evidence.metrics),
        "model_table": card_tables.model(evidence.signature, evidence.training),
        "data_table": card_tables.data(settings, evidence.split["sides"]),
        "source_table": card_tables.sources(evidence.source),
        "quality": card_tables.quality(evidence.quality),
        "lineage_table": markdown.table(
            ["File", "MD5"], [(name, markdown.code(md5)) for name, md5 in evidence.hashes.items()]
        ),
        "test_rows": markdown.number(evidence.metrics["rows"]),
        "is_refitted": evidence.signature.refitted is not None,
        "confidence": markdown.Markdown(f"{settings.evaluate.confidence:.0%}"),
        "metrics_table": card_tables.metrics(evidence.metrics, evidence.signature.task),
        "threshold": markdown.number(evidence.metrics.get("threshold")),
        "confusion_table": card_tables.confusion(evidence.metrics.get("confusion")),
        "classes_table": card_tables.classes(evidence.metrics.get("per_class")),
        "slices_table": card_tables.slices(evidence.slices, evidence.signature.task),
        "fairness": card_tables.fairness(evidence.fairness),
        "computed": feature_table.content(evidence.code),
        "importance_table": card_tables.importance(evidence.importance),
        "drift_text": card_tables.drift_text(evidence.drift),
        "drift_table": card_tables.drift(evidence.drift),
        "parameters_table": markdown.table(["Parameter", "Value"], card_tables.flattened(sections)),
        "limits": card_limits.limits(settings, evidence),
    }


def _option(name: str, text: str) -> Callable[[F], F]:
    return click.option(f"--{name}", f"{name}_path", type=click.Path(path_type=Path), required=True, help=text)


@click.command(short_help="Stage: the model card.")
@_option("model", "The trained model.")
@_option("signature", "Its signature.")
@_option("training", "How it was trained.")
@_option("metrics", "Metrics with intervals.")
@_option("slices", "Metrics of each slice.")
@_option("fairness", "Fairness by sensitive column.")
@_option("importance", "Importance of the features.")
@_option("drift", "Drift of test against training rows.")
@_option("quality", "Report on the data contract.")
@_option("split", "What each side of the split holds.")
@_option("source", "The data's fingerprint.")
@_option("schema", "The data contract.")
@_option("features", "Feature code with its state.")
@_option("card", "The card to write.")
def command(**paths: Path) -> None:
    """Write the model card."""
    settings = Settings(
        params.section(params.Card),
        params.section(params.Data),
        params.section(params.Features),
        params.section(params.Split),
        params.section(params.Train),
        params.section(params.Evaluate),
    )
    inputs = {name.removesuffix("_path"): path for name, path in paths.items()}
    target, features = inputs.pop("card"), inputs.pop("features")
    with costs.measured("card"):
        hashes = {inputs[name].as_posix(): files.md5(inputs[name]) for name in HASHED}
        reports = {name: report_shapes.read(inputs[name], name) for name in REPORTS}
        model_signature = signature.read(inputs["signature"])
        code = feature_code.at(features, model_signature)
        evidence = Evidence(model_signature, hashes=hashes, code=code, **reports)
        files.write_text(target, render(settings, evidence))
    click.echo(f"card: {target}")

"""The person's rows in data.source, which is whoever's it is to change."""

from collections.abc import Iterator

from pipeline.core import parquet
from pipeline.core.errors import PipelineError
from pipeline.core.params import Params
from pipeline.data.contract import schema
from pipeline.data.source import dvc_files, sources
from pipeline.data.source import table as tables
from pipeline.data.source.sources import FINGERPRINT
from pipeline.forget.person import Person


def lines(settings: Params, person: Person) -> Iterator[str]:
    """A line where the source holds rows with the person's key, or can't be searched."""
    if person.column is None:
        yield "data.source: its rows have no ids; search it by --key"
        return
    try:
        recorded = sources.read(FINGERPRINT).model_copy(update={"added": None})
        if not sources.is_remote(recorded.source) and (problems := dvc_files.bring()):
            raise PipelineError(problems[0])
        parts = tables.parts(recorded, settings.data, schema.text_columns(schema.read(schema.PATH)))
    except PipelineError as error:
        yield f"data.source: could not be searched: {error}"
        return
    for file, part in zip(recorded.files, parts, strict=True):
        if person.column in part.column_names:
            keys = parquet.to_pandas(part.select([person.column]))[person.column]
            if count := int(person.by_key(keys).sum()):
                rows = "row" if count == 1 else "rows"
                yield f"data.source: {file.path}: {count:,} {rows}; remove them there, then `pipeline fetch`"

"""Any table that a person has, read: CSV in any form, Parquet, Excel, JSON lines, at a path or a URL."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import pandas as pd
import pyarrow as pa

from pipeline.adopt import csv_form, text_columns
from pipeline.adopt.decisions import Decision, Finding
from pipeline.core import params, parquet
from pipeline.core.errors import PipelineError, listed
from pipeline.data.contract import missing_words
from pipeline.data.source import fetch, readers, sources
from pipeline.data.values.conversion import labels

DATA = "data"
WORKBOOKS, LINES = (".xlsx", ".xlsm"), (".jsonl", ".ndjson")
READ = (*sources.EXTENSIONS, *WORKBOOKS, *LINES)


@dataclass(frozen=True)
class Source:
    """A table and how the pipeline is to read it.

    `path` is what data.source will say; `files` are local files to bring there (their path here, that in the project),
    empty for a URL; `rewritten`: the table itself becomes the Parquet file `path`.
    """

    table: pd.DataFrame
    path: str
    form: params.Csv = field(default_factory=params.Csv)
    missing: tuple[str, ...] = ()
    files: tuple[tuple[Path, str], ...] = ()
    rewritten: bool = False
    decisions: tuple[Decision, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The files in the project that the table comes from or becomes; none for a URL."""
        return (self.path,) if self.rewritten else tuple(place for _, place in self.files)

    @property
    def size(self) -> int:
        """Bytes that git would take."""
        return sum(path.stat().st_size for path, _ in self.files)


def read(source: str, root: Path, dates: str | None = None, encoding: str | None = None) -> Source:
    """The table at a path, glob or URL, of the work tree at `root`; PipelineError with one line where none is there."""
    found = _read(source, root, dates, encoding)
    texts = (found.table[name] for name in found.table if isinstance(found.table[name].dtype, pd.StringDtype))
    told = (text_columns.mistakes(column, found.missing) for column in texts)
    return replace(found, findings=tuple(Finding(sentence, serious=True) for sentence in told if sentence))


def _read(source: str, root: Path, dates: str | None, encoding: str | None) -> Source:
    paths = _files(source)
    local = [sources.ensure_local(file) for file in paths]
    extension = sources.extension(paths[0].path)
    if extension in WORKBOOKS or extension in LINES:
        if len(paths) > 1:
            raise PipelineError(f"{source}: are {len(paths)} files; adopt takes one workbook or one file of JSON lines")
        table = _workbook(local[0], source) if extension in WORKBOOKS else _lines(local[0], source)
        told = Decision(
            "Source",
            "data.source",
            _target(source, ".parquet"),
            f"{source} is no CSV or Parquet",
            "the table is written as Parquet",
        )
        return _as_parquet(source, table, (told,), (), params.Csv(), dates)
    form, decisions = params.Csv(), list[Decision]()
    if extension.startswith(".csv"):
        form, decisions = csv_form.detect(local[0], paths[0].path, encoding)
    data = params.Data(source=source, csv=form, key=None, deduplicate=False)
    tables = [
        readers.read(path, file.path, sources.extension(file.path), data)
        for path, file in zip(local, paths, strict=True)
    ]
    table = parquet.to_pandas(pa.concat_tables(tables, promote_options="permissive") if len(tables) > 1 else tables[0])
    if table.empty:
        raise PipelineError(f"{source}: holds no row; name a file with rows")
    return _placed(source, table, form, decisions, [file.path for file in paths], root, dates)


def _files(source: str) -> list[sources.File]:
    if not sources.is_remote(source) and sources.extension(source) not in READ and "*" not in source:
        raise PipelineError(
            f"{source}: is of no type that adopt reads; allowed: {', '.join(READ)} (save an old .xls as .xlsx)"
        )
    if sources.extension(source) in (*WORKBOOKS, *LINES):
        if sources.is_remote(source):
            return [sources.download(source)]
        path = sources.local(source)
        if not path.is_file():
            raise PipelineError(f"{source}: no such file; name the table that the model is to learn from")
        return [sources.File(path=str(path), size=path.stat().st_size, sha256=sources.digest(path))]
    try:
        return fetch.resolve(source)
    except FileNotFoundError:
        raise PipelineError(f"{source}: no such file; name the table that the model is to learn from") from None
    except PipelineError as error:
        raise PipelineError(str(error).removeprefix("data.source: ")) from None
    except Exception as error:  # each fsspec plug-in has errors of its own
        raise PipelineError(f"{source}: can't be reached: {sources.reason(error)}") from None


def _workbook(path: Path, name: str) -> pd.DataFrame:
    """The first sheet that has rows; the first row is the header."""
    try:
        sheets: dict[Any, pd.DataFrame] = pd.read_excel(path, sheet_name=None, engine="openpyxl")
    except Exception as error:  # of zipfile, XML and openpyxl, for a damaged workbook
        raise PipelineError(f"{name}: can't be read as an Excel workbook ({error}); save it again as .xlsx") from None
    full = {sheet: table for sheet, table in sheets.items() if len(table) and len(table.columns)}
    if len(full) != 1:
        raise PipelineError(
            f"{name}: has {len(full)} sheets with rows ({listed(full)}); adopt takes one: save it as a file of its own"
        )
    (table,) = full.values()
    unnamed = [str(column) for column in table.columns if str(column).startswith("Unnamed: ")]
    if unnamed:
        raise PipelineError(f"{name}: {len(unnamed)} columns have no name in the first row; name or remove them")
    return _plain(table.dropna(how="all"))


def _lines(path: Path, name: str) -> pd.DataFrame:
    try:
        table = pd.read_json(path, lines=True, dtype=False, convert_dates=False)
    except ValueError as error:
        raise PipelineError(f"{name}: is no file of JSON lines ({str(error).splitlines()[0]})") from None
    nested = [
        column for column in table.columns if table[column].map(lambda value: isinstance(value, dict | list)).any()
    ]
    if nested:
        raise PipelineError(f"{name}: columns hold objects or lists ({listed(nested)}); give each value a column")
    return _plain(table)


def _plain(table: pd.DataFrame) -> pd.DataFrame:
    """Names as text, and columns of one type: text where the values are of several."""
    table = table.rename(columns=str).reset_index(drop=True)
    for name in table.columns:
        column = table[name]
        if column.dtype == object:
            kind = pd.api.types.infer_dtype(column, skipna=True)
            if kind.startswith(("mixed", "string")):
                table[name] = labels(column).where(column.notna())
            else:
                table[name] = column.infer_objects()
        elif pd.api.types.is_float_dtype(column) and column.isna().any():
            present = column.dropna()
            if len(present) and bool(((present % 1 == 0) & (present.abs() < 2**53)).all()):
                table[name] = column.astype("Int64")
    return table


def _placed(
    source: str,
    table: pd.DataFrame,
    form: params.Csv,
    decisions: list[Decision],
    names: Sequence[str],
    root: Path,
    dates: str | None,
) -> Source:
    """The table as the pipeline is to read it: as it is where data.csv can say how, else written as Parquet."""
    every = _forms(table)
    forms = [one for one in every if one.kind != "plain"]
    formats = {one.formats for one in forms if one.kind == "date"}
    words = tuple(sorted(_missing(table, every)))
    if (
        all(one.kind == "date" for one in forms)
        and len(formats) <= 1
        and names[0].endswith((".csv", ".gz", ".bz2", ".zst"))
    ):
        if forms:
            date_form = _chosen(forms[0], dates)
            form = form.model_copy(update={"dates": date_form})
            decisions.append(_date_decision(forms, date_form, "data.csv.dates"))
            table = table.assign(
                **{one.column: text_columns.converted(table[one.column], _with(one, date_form)) for one in forms}
            )
        if words:
            decisions.append(
                Decision(
                    "Source", "data.missing", list(words), "texts that stand for a missing value in other programs"
                )
            )
            table = _without(table, words)
    elif forms:
        if sources.is_remote(source):
            raise PipelineError(
                f"{source}: columns hold numbers or dates in several forms ({listed(one.column for one in forms)}), "
                "which only a copy can mend; download the file and adopt that"
            )
        return _as_parquet(source, table, tuple(decisions), words, form, dates)
    if sources.is_remote(source):
        told = Decision("Source", "data.source", source, "a URL, which every clone and release reads")
        return Source(table, source, form, words, (), False, (told, *decisions))
    path, files = _project_path(source, names, root)
    told = Decision(
        "Source", "data.source", path, "the file as it is" if len(names) == 1 else f"{len(names):,} files as they are"
    )
    return Source(table, path, form, words, files, False, (told, *decisions))


def _as_parquet(
    source: str,
    table: pd.DataFrame,
    decisions: tuple[Decision, ...],
    words: Sequence[str],
    form: params.Csv,
    dates: str | None,
) -> Source:
    told = list(decisions)
    for one in _forms(table):
        chosen = _with(one, _chosen(one, dates)) if one.kind == "date" else one
        table = table.assign(**{one.column: text_columns.converted(table[one.column], chosen)})
        if one.kind == "date":
            told.append(_date_decision([one], chosen.formats[0], one.column))
        else:
            told.append(Decision("Source", one.column, "number", f"text such as {one.example!r} is a number"))
    found = sorted(_missing(table, ()))
    table = _without(table, found)
    if found:
        told.append(Decision("Source", "missing", found, "texts that stand for a missing value in other programs"))
    path = _target(source, ".parquet")
    if not any(one.key == "data.source" for one in told):
        reason = "numbers and dates of several forms are written plainly, as Parquet"
        told.insert(0, Decision("Source", "data.source", path, f"made of {source}", reason))
    return Source(table, path, rewritten=True, decisions=tuple(told))


def _target(source: str, extension: str) -> str:
    name = PurePosixPath(urlsplit(source).path if sources.is_remote(source) else source).name
    return f"{DATA}/{name.split('.')[0] or 'table'}{extension}"


def _project_path(source: str, names: Sequence[str], root: Path) -> tuple[str, tuple[tuple[Path, str], ...]]:
    """data.source and the files to bring there; files that lie in data/ of the repository stay where they are."""
    places = [(sources.local(name).absolute(), name) for name in names]
    inside = [path for path, _ in places if path.is_relative_to(root.absolute() / DATA)]
    if len(inside) == len(places):
        relative = [path.relative_to(root.absolute()).as_posix() for path, _ in places]
        own = source if len(names) > 1 else relative[0]
        return own, tuple((path, name) for (path, _), name in zip(places, relative, strict=True))
    if len(names) == 1:
        target = f"{DATA}/{places[0][0].name}"
        return target, ((places[0][0], target),)
    folder = f"{DATA}/table"
    if len({path.name for path, _ in places}) < len(places):
        raise PipelineError(
            f"{source}: several files have one name; give them different names, or put them into {DATA}/"
        )
    endings = {sources.extension(name) for name in names}
    pattern = f"{folder}/*{endings.pop() if len(endings) == 1 else '*'}"
    return pattern, tuple((path, f"{folder}/{path.name}") for path, _ in places)


def _forms(table: pd.DataFrame) -> list[text_columns.Form]:
    found = []
    for name in table.columns:
        if isinstance(table[name].dtype, pd.StringDtype) or table[name].dtype == object:
            one = text_columns.form(table[name], missing_words.WORDS)
            if one and one.formats[:1] not in [(iso,) for iso in text_columns.ISO]:
                found.append(one)
    return found


def _missing(table: pd.DataFrame, forms: Sequence[text_columns.Form]) -> set[str]:
    """Words for a missing value: those in columns of numbers or dates, and NA and the like in any column of text.

    None, - and . may be values: in columns of text they are left alone.
    """
    words = {word for one in forms for word in one.missing}
    for name in table.columns:
        words.update(
            word
            for word in missing_words.found(table[name])
            if word.strip("#<>").upper() in ("NA", "N/A", "NAN", "NULL")
        )
    return words


def _without(table: pd.DataFrame, words: Sequence[str]) -> pd.DataFrame:
    """The table with the words as missing values; a column of text may become one of numbers then."""
    changed = {}
    for name in table.columns:
        column = table[name]
        if isinstance(column.dtype, pd.StringDtype) and column.isin(list(words)).any():
            rest = column.where(~column.isin(list(words)))
            numbers = pd.to_numeric(rest, errors="coerce")
            changed[name] = rest if numbers.notna().sum() < rest.notna().sum() else numbers.convert_dtypes()
    return table.assign(**changed)


def _chosen(one: text_columns.Form, dates: str | None) -> str:
    if dates in one.formats:
        return str(dates)
    if one.ambiguous:
        raise PipelineError(
            f"column {one.column}: dates such as {one.example} can be {' or '.join(one.formats)}; give --dates "
            "with the form that is meant"
        )
    return one.formats[0]


def _with(one: text_columns.Form, date_form: str) -> text_columns.Form:
    return text_columns.Form(one.column, one.kind, (date_form,), one.example, one.missing)


def _date_decision(forms: Sequence[text_columns.Form], date_form: str, key: str) -> Decision:
    columns = listed(one.column for one in forms)
    return Decision("Source", key, date_form, f"every value of {columns} is of this form, such as {forms[0].example}")

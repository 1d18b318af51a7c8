"""Columns of text that are numbers or dates in another form: which, and as what they are read."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.core.errors import listed
from pipeline.data.contract import missing_words

ENOUGH = 3  # different values that must be of a form
NEARLY = 0.95  # share of the different values from which on the others are named as mistakes
CODES = (
    "USD EUR GBP CHF JPY CNY INR CAD AUD NZD SEK NOK DKK ISK PLN CZK HUF RON BGN TRY ILS ZAR BRL MXN SGD HKD KRW THB"
)
CURRENCY = rf"(?:[$€£¥₹%]|{CODES.replace(' ', '|')}|kr\.?)"
SPACES = "'\u00a0\u202f\u2009 "
START, END = rf"[+-]?{CURRENCY}?\s?[+-]?", rf"\s?{CURRENCY}?"  # -$5, $ -5, 5 €
ENGLISH = re.compile(rf"{START}(?:\d{{1,3}}(?:,\d{{3}})+|\d+)(?:\.\d+)?{END}")
EUROPEAN = re.compile(rf"{START}(?:\d{{1,3}}(?:[.{SPACES}]\d{{3}})+|\d+)(?:,\d+)?{END}")
SYMBOLS = re.compile(rf"{CURRENCY}|[{SPACES}\s]")
CODE = re.compile(r"0\d+")  # 007: a code, not a number
TIMES = ("", " %H:%M", " %H:%M:%S")
DATES = ("%d.%m.%Y", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y.%m.%d", "%d %b %Y", "%d %B %Y")
ISO = tuple(f"%Y-%m-%d{time}" for time in (*TIMES, "T%H:%M:%S"))


@dataclass(frozen=True)
class Form:
    """What a column of text is: numbers with `english` or `european` signs, `plain` numbers beside words for a missing
    value, or a `date` by one of `formats`."""

    column: str
    kind: str
    formats: tuple[str, ...]
    example: str
    missing: tuple[str, ...]

    @property
    def ambiguous(self) -> bool:
        """Whether day and month can't be told apart."""
        return len(self.formats) > 1


def form(values: "pd.Series[Any]", missing: Sequence[str]) -> Form | None:
    """The form of a column of text; None where it is text. Words for a missing value are left out of account."""
    texts = [str(value).strip() for value in values.dropna().unique()]
    words = tuple(text for text in texts if text in missing or text in missing_words.WORDS)
    texts = [text for text in texts if text not in words and text]
    if len(texts) < ENOUGH or any(CODE.fullmatch(text) for text in texts):
        return None
    name = str(values.name)
    if words and pd.to_numeric(pd.Series(texts), errors="coerce").notna().all():
        return Form(name, "plain", (), texts[0], words)
    for kind, pattern in (("english", ENGLISH), ("european", EUROPEAN)):
        if all(pattern.fullmatch(text) for text in texts):
            if kind == "english" and _only_thousands(texts):
                return None  # 1,234 may be either
            return Form(name, kind, (), texts[0], words)
    if formats := date_formats(texts):
        return Form(name, "date", formats, texts[0], words)
    return None


def mistakes(values: "pd.Series[Any]", missing: Sequence[str]) -> str | None:
    """Which few values keep a column of text from being dates or numbers, in a sentence; None where none do."""
    texts = values.dropna().astype("str").str.strip().drop_duplicates()
    texts = texts[~texts.isin([*missing, *missing_words.WORDS, ""])]
    for kind in (*ISO, *(f"{date}{time}" for date in DATES for time in TIMES), "numbers"):
        parsed = (
            pd.to_numeric(texts, errors="coerce")
            if kind == "numbers"
            else pd.to_datetime(texts, format=kind, errors="coerce")
        )
        fits = parsed.notna()
        if NEARLY * len(texts) <= fits.sum() < len(texts):
            named = "numbers" if kind == "numbers" else "dates"
            return (
                f"{values.name}: {fits.sum():,} of {len(texts):,} different values are {named}, such as "
                f"{texts[fits].iloc[0]}, but not {listed(map(repr, texts[~fits]))}; correct them, or it stays text"
            )
    return None


def _only_thousands(texts: Sequence[str]) -> bool:
    """Whether the only signs are commas before three digits, in at most one place: perhaps decimal commas."""
    return any("," in text for text in texts) and all(
        text.count(",") <= 1 and "." not in text and not re.search(r"[^\d,+-]", text) for text in texts
    )


def date_formats(texts: Sequence[str]) -> tuple[str, ...]:
    """The formats that fit every text."""
    if not all(any(character.isdigit() for character in text) and 8 <= len(text) <= 20 for text in texts):
        return ()
    candidates = (*ISO, *(f"{date}{time}" for date in DATES for time in TIMES))
    sample = pd.Series(texts[:50], dtype="str")
    fitting = [one for one in candidates if pd.to_datetime(sample, format=one, errors="coerce").notna().all()]
    if any(one in ISO for one in fitting):
        fitting = [one for one in fitting if one in ISO][:1]
    every = pd.Series(list(texts), dtype="str")
    return tuple(one for one in fitting if pd.to_datetime(every, format=one, errors="coerce").notna().all())


def converted(values: "pd.Series[Any]", found: Form) -> "pd.Series[Any]":
    """The column as numbers or dates; its words for a missing value are missing."""
    texts = values.astype("str").str.strip()
    texts = texts.where(~texts.isin([*found.missing, ""]) & values.notna())
    if found.kind == "date":
        return pd.to_datetime(texts, format=found.formats[0])
    plain = texts if found.kind == "plain" else texts.str.replace(SYMBOLS, "", regex=True)
    if found.kind in ("english", "plain"):
        plain = plain.str.replace(",", "", regex=False)
    else:
        plain = plain.str.replace(".", "", regex=False).str.replace(",", ".", regex=False)
    numbers = pd.to_numeric(plain)
    whole = numbers.dropna()
    is_whole = (
        bool(((whole % 1 == 0) & (whole.abs() < 2**53)).all())
        and not texts.dropna().str.contains("[.,]\\d{1,2}$").any()
    )
    return numbers.astype("Int64") if is_whole and len(whole) else numbers.astype("float64")

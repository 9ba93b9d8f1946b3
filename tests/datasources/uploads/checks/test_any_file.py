"""Checks of arbitrary files: no exception, bounded reports, and the same answer for any split into pieces."""

import csv
import hashlib
import io
import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from datasources.uploads.checks import CELL_SHOWN, COLUMNS_SHOWN, ROWS_SHOWN, Sampler, check, sample_of

NAMES = st.sampled_from(["a.csv", "a.tsv", "a.json", "a.jsonl", "a.pdf", "a.txt", "a", ".csv", "a.md"])
SIGNS = st.text(alphabet='ab1,;|\t"\n\r{}[]:. -/é\ufeff\x00', max_size=300)
FILES = st.one_of(st.binary(max_size=500), SIGNS.map(str.encode), SIGNS.map(lambda text: text.encode("utf-16")))
CELLS = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=8)


@given(NAMES, FILES)
@example("a.csv", b"\xff\xfe")
@example("a.csv", b"sep=\n")
@example("a.json", b'[{"a": 1e999, "b": ' + b"9" * 5000 + b"}]")
@example("a.jsonl", b"\xef\xbb\xbf{}")
def test_any_file_has_a_bounded_report(name, content):
    report = check(name, sample_of(content))
    json.dumps(report.to_dict())
    assert bool(report.problem) or bool(report.kind)
    assert len(report.rows) <= ROWS_SHOWN
    for row in (report.columns, *report.rows):
        assert len(row) <= COLUMNS_SHOWN
        assert all(len(cell) <= CELL_SHOWN for cell in row)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5))
def test_pieces_do_not_matter(content, cuts):
    sampler, before = Sampler(), 0
    for cut in sorted(cuts):
        sampler.feed(content[before:cut])
        before = max(before, cut)
    sampler.feed(content[before:])
    assert sampler.sample() == sample_of(content)
    assert sampler.sample().sha256 == hashlib.sha256(content).hexdigest()


@settings(max_examples=60)
@given(st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=10)))
def test_a_csv_file_as_python_writes_it_is_read_as_written(rows):
    header = [f"column {letter}" for letter in "abcd"[: len(rows[0])]]
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    report = check("a.csv", sample_of(file.getvalue().encode()))
    filled = [row for row in rows if any(cell.strip() for cell in row)]
    if len(filled) >= 10 and report.delimiter == "comma":
        assert report.rows_seen == len(filled)
        assert report.rows == tuple(map(tuple, filled[:ROWS_SHOWN]))


@settings(max_examples=60)
@given(st.lists(st.dictionaries(st.sampled_from("abc"), st.one_of(st.none(), st.integers(), CELLS)), min_size=10))
def test_json_and_json_lines_have_the_same_rows(records):
    as_json = check("a.json", sample_of(json.dumps(records).encode()))
    as_lines = check("a.jsonl", sample_of("\n".join(map(json.dumps, records)).encode()))
    assert as_json.problem == as_lines.problem == ""
    assert (as_json.columns, as_json.rows, as_json.rows_seen) == (as_lines.columns, as_lines.rows, len(records))

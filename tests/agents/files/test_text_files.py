"""Text files as programs and spreadsheets write them: marks, encodings, delimiters, quotes, empty lines."""

import gzip
from pathlib import Path

import pytest

from tests.agents.files.test_replay import event, replayed, write_lines
from wayfold.agents.files.csv_columns import DelimiterError, read_delimiter
from wayfold.agents.files.mapping import MappingError, parse_mapping
from wayfold.agents.files.readers import UnreadableFileError

MARK = b"\xef\xbb\xbf"
COLUMNS = ["type", "event_id", "occurred_at", "user_id", "name", "value", "currency"]
ROW = ["goal.reached", "e-1", "2026-11-01T12:00:00Z", "u", "paid", "12.50", "EUR"]
MAPPING = """
fields: {occurred_at: "2026-11-01T12:00:00Z", event_id: "{id}", user_id: "{who}"}
events: [{type: goal.reached, name: n}]
"""


def table(delimiter: str, end: str = "\n", quote: str = "") -> bytes:
    """A CSV file of one event, with an empty line, spaces of columns only, and an event again."""
    rows = [COLUMNS, ROW, [], ["" for _ in COLUMNS], ["goal.reached", "e-2", *ROW[2:]]]
    return "".join(delimiter.join(quote + cell + quote for cell in row) + end for row in rows).encode()


def put(path: Path, content: bytes) -> Path:
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson.gz"])
async def test_a_byte_order_mark_costs_no_line(tmp_path: Path, name: str) -> None:
    """The first line of a file with a mark is an event, and so is one where two such files were joined."""
    lines = [MARK + write_lines(tmp_path / "b.jsonl", [event(number)]).read_bytes() for number in range(2)]
    sent, summary = await replayed(put(tmp_path / name, b"".join(lines)))
    assert sent == ["e-0", "e-1"]
    assert not summary.rejected
    mapping = parse_mapping(MAPPING.replace("{who}", "{user_id}").replace("{id}", "{event_id}").encode())
    assert (await replayed(tmp_path / name, mapping=mapping))[0] == ["e-0", "e-1"]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl.gz", "a.tsv"])
@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-16", "is UTF-16 text.*iconv -f UTF-16 -t UTF-8"),
        ("utf-32", "is UTF-32 text.*iconv -f UTF-32 -t UTF-8"),
        ("utf-16-le", "is UTF-16 or UTF-32 text"),
        ("utf-16-be", "is UTF-16 or UTF-32 text"),
    ],
)
async def test_another_encoding_says_how_to_convert(
    tmp_path: Path, name: str, encoding: str, said: str
) -> None:
    """Text of two or four bytes a character is refused as a whole, before anything is sent."""
    path = put(tmp_path / name, table(",").decode().encode(encoding))
    with pytest.raises(UnreadableFileError, match=said):
        await replayed(path)


@pytest.mark.parametrize("name", ["a.csv", "a.tsv.gz"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.parametrize("before", [b"", MARK, b"\n\n"])
async def test_the_delimiter_is_found_in_the_header(
    tmp_path: Path, name: str, delimiter: str, end: str, quote: str, before: bytes
) -> None:
    """Commas, semicolons, tabs and bars, whatever the file's name; empty lines and rows are left out."""
    sent, summary = await replayed(put(tmp_path / name, before + table(delimiter, end, quote)))
    assert sent == ["e-1", "e-2"]
    assert not summary.rejected


async def test_rows_are_numbered_as_they_stand(tmp_path: Path) -> None:
    """A row that is wrong is named by its number below the header, empty ones counted."""
    content = table(";").replace(b"e-2", b"")
    _, summary = await replayed(put(tmp_path / "a.csv", content))
    assert [each.row for each in summary.problems] == [4]


async def test_the_columns_that_a_mapping_names_decide(tmp_path: Path) -> None:
    """A header with more of another character is read by the one that gives the columns that are named."""
    mapping = parse_mapping(MAPPING.encode())
    path = put(tmp_path / "a.csv", b"id|who|a,b,c,d,e\n1|u|x\n")
    assert (await replayed(path, mapping=mapping))[0] == ["1"]


async def test_a_spreadsheet_may_declare_its_delimiter(tmp_path: Path) -> None:
    """A first line such as `sep=;` is no header."""
    assert (await replayed(put(tmp_path / "a.csv", MARK + b"sep=;\r\n" + table(";", "\r\n"))))[0] == [
        "e-1",
        "e-2",
    ]


async def test_a_delimiter_that_is_given_holds(tmp_path: Path) -> None:
    """The option goes before the mapping, and that before what the header looks like."""
    path = put(tmp_path / "a.csv", b"id~who\n1~u\n")
    mapping = parse_mapping(f"delimiter: '~'\n{MAPPING}".encode())
    assert (await replayed(path, mapping=mapping))[0] == ["1"]
    other = parse_mapping(f"delimiter: ';'\n{MAPPING}".encode())
    assert (await replayed(path, mapping=other, delimiter="~"))[0] == ["1"]


async def test_a_wrong_delimiter_says_so(tmp_path: Path) -> None:
    """A file that is separated otherwise than it was said is named with what it seems to be."""
    path = put(tmp_path / "a.csv", table(";"))
    with pytest.raises(UnreadableFileError, match=r"not separated by a comma.*separated by a semicolon"):
        await replayed(path, delimiter=",")
    with pytest.raises(MappingError, match="delimiter: ';;' is no delimiter"):
        parse_mapping(f"delimiter: ';;'\n{MAPPING}".encode())
    with pytest.raises(DelimiterError, match="write one character"):
        read_delimiter('"')
    assert [read_delimiter(each) for each in ("tab", "\\t", "|", "Semicolon")] == ["\t", "\t", "|", ";"]


async def test_columns_that_are_no_events_end_the_replay_before_anything_is_sent(tmp_path: Path) -> None:
    """Without a mapping one error says what is missing, instead of one for each row."""
    with pytest.raises(UnreadableFileError, match=r"no column `type`.*--mapping.*columns are id, who\."):
        await replayed(put(tmp_path / "a.csv", b"id;who\n1;u\n"))


async def test_a_column_that_comes_twice_is_not_guessed(tmp_path: Path) -> None:
    """Of two columns of one name nobody can say which is meant; one that nothing names does no harm."""
    mapping = parse_mapping(MAPPING.encode())
    with pytest.raises(MappingError, match="'who', which the file has more than once"):
        await replayed(put(tmp_path / "a.csv", b"id;who;who\n1;u;v\n"), mapping=mapping)
    assert (await replayed(put(tmp_path / "b.csv", b"id,who,x,x\n1,u,,\n"), mapping=mapping))[0] == ["1"]
    with pytest.raises(UnreadableFileError, match="'type' more than once"):
        await replayed(put(tmp_path / "c.csv", b"type,type\n"))

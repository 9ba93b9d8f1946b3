"""Files that arrived for an upload."""

from datasources.uploads.receiving import EncryptingHandler, Received

ROWS = ("id,name\n" + "".join(f"{number},thing {number}\n" for number in range(1, 21))).encode()


def received(content: bytes = ROWS, name: str = "things.csv", piece: int = 65_536) -> Received:
    """A file as Django's parser passes it on."""
    handler = EncryptingHandler()
    handler.new_file("file", name, "text/csv", None)
    for start in range(0, len(content), piece):
        handler.receive_data_chunk(content[start : start + piece], start)
    file = handler.file_complete(len(content))
    assert file is not None
    return file

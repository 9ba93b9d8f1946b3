"""What an exported file holds, and what scripts are told in place of one."""

import csv
import io


def read(response) -> list[list[str]]:
    """The rows of a CSV file, once the whole answer was taken."""
    assert response.status_code == 200, response.content
    return list(csv.reader(io.StringIO(response.getvalue().decode("utf-8-sig"))))


def sentence(response) -> str:
    assert response["Content-Type"] == "text/plain; charset=utf-8"
    return response.content.decode().strip()

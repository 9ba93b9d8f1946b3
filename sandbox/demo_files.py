"""Files for the demo account, made by a seeded generator: product data as people really have it."""

import csv
import io
import json
import random
from collections.abc import Callable

from pypdf import PdfReader, PdfWriter

_BRANDS = ("Acme", "Borealis", "Čapek & Sons", "Dunlin", "Élan", "Fjällräv", "Großmann", "Hikari 光", "Ionian")
_THINGS = ("Mug", "Lamp", "Chair", "Kettle", "Backpack", "Notebook", "Headphones", "Raincoat", "Desk", "Bottle")
_KINDS = ("Classic", "Mini", "Pro", "Eco", "Travel", "Kids", "XL")
_COLOURS = ("black", "white", "sand", "forest green", "sky blue", "rust", "", "  navy", "BLACK", "n/a")
_CITIES = ("Zürich", "São Paulo", "Kraków", "東京", "Αθήνα", "القاهرة", "Reykjavík", "Ho Chi Minh City")
_NOTES = (
    "",
    "ok",
    "Check the price with the supplier before publishing.",
    'Customer says: "too small"; sent a larger one.\nSecond delivery arrived damaged.',
    "Die Verpackung ist zu groß für den Versand innerhalb der EU, siehe Ticket 4711. " * 6,
)


def rows_csv(rng: random.Random, columns: tuple[str, ...], count: int, separator: str = ",") -> bytes:
    """A table of `count` rows; a column's values follow from its name."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=separator, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_value(rng, column, number) for column in columns] for number in range(1, count + 1))
    return text.getvalue().encode()


def records_json(rng: random.Random, columns: tuple[str, ...], count: int, *, by_line: bool = False) -> bytes:
    """The same as JSON, or as JSON a line, with a nested object and gaps."""
    records = []
    for number in range(1, count + 1):
        record = {column: _value(rng, column, number) for column in columns if rng.random() > 0.03}
        record["attributes"] = {
            "tags": rng.sample(["new", "sale", "b2b", "fragile"], rng.randint(0, 3)),
            "weight_g": rng.randint(20, 9000),
        }
        records.append(record)
    if by_line:
        return "\n".join(json.dumps(record, ensure_ascii=False) for record in records).encode()
    return json.dumps(records, ensure_ascii=False, indent=1).encode()


def wide_csv(rng: random.Random, count: int, width: int) -> bytes:
    """Survey answers: `width` columns."""
    names = ["respondent", "country", *(f"Q{number}: How satisfied are you?" for number in range(1, width - 1))]
    lines = [",".join(f'"{name}"' for name in names)]
    for number in range(1, count + 1):
        answers = [rng.choice(("1", "2", "3", "4", "5", "", "n/a")) for _ in names[2:]]
        lines.append(",".join([f"R{number:05d}", rng.choice(("CH", "JP", "BR", "NO")), *answers]))
    return "\n".join(lines).encode()


def hostile_csv() -> bytes:
    """Cells that try to be more than text: markup, links, formulas, marks that turn text round."""
    cells = (
        "<script>document.title='owned'</script>",
        "<img src=x onerror=\"document.title='owned'\">",
        '"><svg onload=alert(1)>',
        "javascript:alert(document.domain)",
        "https://example.com/?q=<b>bold</b>&x='\"",
        "http://user:password@example.com/",
        "data:text/html,<script>alert(1)</script>",
        '=HYPERLINK("http://example.com","click")',
        "{{ request.user }} {% csrf_token %} ${7*7}",
        "\u202egnp.elpmaxe\u202c turned round",
        "zero\u200bwidth and a tab\there",
        "&lt;already&gt; &amp;escaped;",
        "' OR 1=1; DROP TABLE sources; --",
        "𝕆utside 👩‍👩‍👧‍👦 the 𐍈asic plane",
        "long " * 400,
        "",
    )
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "<b>column</b>", '" onmouseover="alert(1)', "with space", "constructor"])
    for number, cell in enumerate(cells, start=1):
        writer.writerow([number, cell, cell[::-1], f" {number} ", "__proto__"])
    return text.getvalue().encode()


def report_text(rng: random.Random, lines: int) -> str:
    return "\n".join(
        f"{number}. {rng.choice(_BRANDS)} {rng.choice(_THINGS)}: {rng.randint(1, 900)} sold, {rng.choice(_CITIES)}."
        for number in range(1, lines + 1)
    )


def pdf(pages: list[list[str]]) -> bytes:
    """A PDF 1.4 with lines of text, the least that readers take."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>", "", "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>"]
    kids = []
    for lines in pages:
        shown = "".join(f"({_pdf_text(line)}) Tj T*\n" for line in lines)
        content = f"BT /F1 11 Tf 14 TL 60 780 Td\n{shown}ET"
        kids.append(f"{len(objects) + 1} 0 R")
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
            f"/Resources << /Font << /F1 3 0 R >> >> /Contents {len(objects) + 2} 0 R >>"
        )
        objects.append(f"<< /Length {len(content)} >>\nstream\n{content}\nendstream")
    objects[1] = f"<< /Type /Pages /Count {len(kids)} /Kids [{' '.join(kids)}] >>"
    data, places = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(data))
        data += f"{number} 0 obj\n{body}\nendobj\n".encode("latin-1")
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(data)}\n%%EOF\n"
    return data + f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}".encode()


def protected(document: bytes, password: str) -> bytes:
    """The same PDF, readable with the password only."""
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(document)))
    writer.encrypt(password, algorithm="AES-256")
    result = io.BytesIO()
    writer.write(result)
    return result.getvalue()


def _pdf_text(line: str) -> str:
    plain = line.encode("latin-1", errors="replace").decode("latin-1")
    return plain.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def _value(rng: random.Random, column: str, number: int) -> object:
    make = _MAKERS.get(column)
    return make(rng, number) if make else f"{column} {number}"


_MAKERS: dict[str, Callable[[random.Random, int], object]] = {
    "id": lambda rng, number: number,
    "sku": lambda rng, number: f"{rng.choice('ABCXZ')}{number:06d}",
    "ean": lambda rng, number: f"{rng.randint(0, 10**12):013d}",
    "name": lambda rng, number: f"{rng.choice(_BRANDS)} {rng.choice(_THINGS)} {rng.choice(_KINDS)}",
    "brand": lambda rng, number: rng.choice(_BRANDS),
    "category": lambda rng, number: f"{rng.choice(('Home', 'Office', 'Outdoor'))} > {rng.choice(_THINGS)}s",
    "colour": lambda rng, number: rng.choice(_COLOURS),
    "price": lambda rng, number: round(rng.uniform(2, 900), 2),
    "cost": lambda rng, number: round(rng.uniform(1, 500), 2) if rng.random() > 0.1 else None,
    "stock": lambda rng, number: rng.choice((0, 0, rng.randint(1, 2000), -rng.randint(1, 9))),
    "active": lambda rng, number: rng.choice(("true", "false", "yes", "")),
    "launched": lambda rng, number: f"20{rng.randint(15, 26)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
    "url": lambda rng, number: f"https://shop.example.com/p/{number}?ref=feed&c={rng.randint(1, 99)}",
    "supplier": lambda rng, number: f"{rng.choice(_BRANDS)} {rng.choice(('GmbH', 'Ltd', 'S.A.', '株式会社'))}",
    "city": lambda rng, number: rng.choice(_CITIES),
    "note": lambda rng, number: rng.choice(_NOTES),
    "postcode": lambda rng, number: f"{rng.randint(0, 99999):05d}",
    "rating": lambda rng, number: rng.choice((1, 2, 3, 4, 4.5, 5, None)),
    "quantity": lambda rng, number: rng.randint(1, 40),
}

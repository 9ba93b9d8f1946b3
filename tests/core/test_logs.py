import io
import json
import logging
from logging.config import DictConfigurator

import pytest
from django.conf import settings as django_settings
from django.test import RequestFactory

from core import logs

SECRET = "hunter2hunter2"


@pytest.fixture
def written():
    """Logs through the handler that the settings describe, in one of its formats; gives what was written."""
    loggers = []

    def handler(form: str) -> tuple[logging.Logger, io.StringIO]:
        config, out = DictConfigurator(django_settings.LOGGING), io.StringIO()
        handler = logging.StreamHandler(out)
        handler.setFormatter(config.configure_formatter(dict(config.config["formatters"][form])))
        for name in config.config["handlers"]["console"]["filters"]:
            handler.addFilter(config.configure_filter(dict(config.config["filters"][name])))
        logger = logging.Logger(f"tests.{form}")
        logger.addHandler(handler)
        loggers.append(logger)
        return logger, out

    return handler


FORMS = pytest.mark.parametrize("form", ["text", "json"])


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Authorization: Bearer hunter2hunter2", "Authorization: Bearer …"),
        (
            "GET https://x.example/accounts/password/reset/key/1-d2x4p6-hunter2/",
            "GET https://x.example/accounts/password/reset/key/…/",
        ),
        ("/accounts/confirm-email/MQ:1tXyz:hunter2-hunter2_h/", "/accounts/confirm-email/…/"),
        ("{'Authorization': 'bearer hunter2hunter2'}", "{'Authorization': 'bearer …'}"),
        ('"Authorization": b"Bearer hunter2hunter2"', '"Authorization": b"Bearer …"'),
        ("Authorization: Basic aHVudGVyMg==", "Authorization: Basic …"),
        (
            "GET https://files.example/a.csv?X-Amz-Signature=hunter2hunter2&X-Amz-Expires=60 failed",
            "GET https://files.example/a.csv?… failed",
        ),
        ("see 'https://files.example/a?sig=hunter2'.", "see 'https://files.example/a?…'."),
        ("/a.csv?expires=1&signature=hunter2&x=1", "/a.csv?expires=1&signature=…&x=1"),
        ("X-Amz-Signature=hunter2", "X-Amz-Signature=…"),
        ("token=hunter2 password=hunter2, secret=hunter2", "token=… password=… secret=…"),
        ("api_key=hunter2&apikey=hunter2&api-key=hunter2", "api_key=…&apikey=…&api-key=…"),
        ("redis://:hunter2hunter2@127.0.0.1:6379/0", "redis://:…@127.0.0.1:6379/0"),
        ("redis://user:hunter2@redis.example", "redis://user:…@redis.example"),
        ("redis://:hun@ter2@redis.example:6379/0", "redis://:…@redis.example:6379/0"),
        ("postgres://claro:hunter2@db.example/claro", "postgres://claro:…@db.example/claro"),
        ("amqp+ssl://a:hunter2@x then redis://:hunter2@y", "amqp+ssl://a:…@x then redis://:…@y"),
        ("key claro_live_hunter2hunter2 was refused", "key claro_… was refused"),
        ("'claro_test_hunter2hunter2'", "'claro_…'"),
        ("claro_live_hunter2-hunter2_hunter2", "claro_…"),
        ("Not Found: /d/cd_hunter2-hunter2/", "Not Found: /d/…/"),
        ("token 'cd_hunter2-hunter2'", "token 'cd_…'"),
    ],
)
def test_what_looks_like_a_secret_is_not_written(text, shown):
    assert logs.redacted(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "GET /sources/<uuid:datasource_id>/ 200 in 12 ms",
        "redis://127.0.0.1:6379/0 does not answer",
        "https://secure-api.getclaro.ai/api/v2/datasources: no answer (ConnectTimeout)",
        "claro:rows:abc and core.logs",
        "12:30:45 a@b.example",
    ],
)
def test_what_is_no_secret_is_written_as_it_is(text):
    assert logs.redacted(text) == text


@FORMS
def test_a_secret_in_a_message_s_arguments_is_not_written(written, form):
    logger, out = written(form)
    logger.warning(
        "Could not reach %s with %r", f"https://x.example/?sig={SECRET}", {"Authorization": f"Bearer {SECRET}"}
    )
    assert SECRET not in out.getvalue()
    assert "Could not reach https://x.example/" in out.getvalue()


@FORMS
def test_a_traceback_is_written_without_its_secrets(written, form):
    logger, out = written(form)
    try:
        try:
            raise ValueError(f"redis://:{SECRET}@x")
        except ValueError as error:
            raise RuntimeError(f"GET https://files.example/?signature={SECRET}") from error
    except RuntimeError:
        logger.exception("It failed")
    assert SECRET not in out.getvalue()
    found = json.loads(out.getvalue())["exc_info"] if form == "json" else out.getvalue()
    for words in ("RuntimeError", "ValueError", "test_logs.py", "redis://:…@x"):
        assert words in found


@FORMS
def test_what_a_library_logs_wrongly_is_written_and_stops_nobody(written, form):
    logger, out = written(form)
    logger.warning("%d rows", "many")
    logger.warning("%s and %s", "one")
    assert "%d rows" in out.getvalue()
    assert "%s and %s" in out.getvalue()


def test_a_line_for_a_store_is_json_with_the_ids(written):
    logger, out = written("json")
    token = logs._request_id.set("request-7")
    try:
        logger.error("ü %s", "x")
    finally:
        logs._request_id.reset(token)
    line = json.loads(out.getvalue())
    assert (line["levelname"], line["name"], line["message"]) == ("ERROR", "tests.json", "ü x")
    assert (line["request_id"], line["task_id"]) == ("request-7", "")


def test_what_django_adds_to_a_line_does_not_bring_the_address_in(written):
    logger, out = written("json")
    request = RequestFactory().get("/sources/", {"q": SECRET})
    logger.warning("Not Found", extra={"status_code": 404, "request": request})
    line = json.loads(out.getvalue())
    assert line["status_code"] == 404
    assert SECRET not in out.getvalue()


@FORMS
def test_text_of_the_api_makes_no_second_line(written, form):
    logger, out = written(form)
    logger.warning("Claro: %s", "x\nCRITICAL root [] all is lost\r\x1b[2J")
    assert len(out.getvalue().splitlines()) == 1
    assert "\x1b" not in out.getvalue()


# --- One line a request ---


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, logger="core.logs")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "core.logs"]


def test_a_request_is_one_line_with_its_route_and_not_its_address(client, lines):
    client.get(f"/healthz?token={SECRET}")
    [line] = lines()
    assert line.startswith("GET /healthz 200 in ")
    client.get("/sources/7b0e0a0c-0000-4000-8000-000000000000/?q=x")
    assert lines()[1].startswith("GET /sources/<uuid:datasource_id>/ 302 in ")
    client.get(f"/nothing/{SECRET}/")
    assert lines()[2].startswith("GET /(no route) 404 in ")


def test_the_answer_carries_the_id_that_the_line_has(client, caplog):
    seen = []

    class Seen(logging.Filter):
        def filter(self, record):
            logs.IdsFilter().filter(record)
            seen.append(record.request_id)
            return True

    logger = logging.getLogger("core.logs")
    caplog.set_level(logging.INFO, logger=logger.name)
    one = Seen()
    logger.addFilter(one)
    try:
        first, second = (client.get("/healthz")["X-Request-ID"] for _ in range(2))
    finally:
        logger.removeFilter(one)
    assert seen == [first, second]
    assert first != second
    assert logs._request_id.get() == ""


@pytest.mark.parametrize("given", ["abcd1234", "0f8fad5b-d9cb-469f-a165-70867728950e", "x" * 64])
def test_an_id_that_a_proxy_gave_is_kept(client, given):
    assert client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"] == given


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space", "<script>alert(1)</script>", "a\tb-1234567", ""])
def test_an_id_that_is_none_is_not_believed(client, given):
    answer = client.get("/healthz", headers={"X-Request-ID": given})
    assert len(answer["X-Request-ID"]) == 32


def test_an_error_report_shows_where_and_never_what(rf):
    filter_ = logs.NoVariablesFilter()
    request = rf.post("/", {"secret": SECRET})
    request.COOKIES["sessionid"] = SECRET
    assert filter_.is_active(request)
    assert filter_.get_post_parameters(request) == {}
    assert filter_.get_safe_cookies(request) == {}
    assert filter_.get_traceback_frame_variables(request, None) == []
    assert django_settings.DEFAULT_EXCEPTION_REPORTER_FILTER == "core.logs.NoVariablesFilter"

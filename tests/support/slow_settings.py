"""The product's own settings, and pages that take their time."""

from claro_dashboard.settings import *  # noqa: F403

ROOT_URLCONF = "tests.support.slow_pages"

"""The product's own settings, and the empty page beside its pages. The environment is set by world.py."""

from claro_dashboard.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
# All come from one address here.
SHARE_REQUESTS_A_MINUTE = 10**9

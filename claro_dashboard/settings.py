"""Settings: the environment is read here and nowhere else. README.md has the table of names.

Without configuration this is a laptop: sign-up is open, secrets come from a file under var/, data lives in SQLite.
`DEBUG=0` makes it production, which refuses to start without secrets of its own.
"""

import re
import secrets
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured
from environ.fileaware_mapping import FileAwareMapping

from claro_dashboard.log_settings import logging
from core.networks import is_inside

BASE_DIR = Path(__file__).resolve().parent.parent


class _Files(FileAwareMapping):
    """The environment, where every name can also be given as NAME_FILE, the path of a file that holds the value."""

    def __getitem__(self, key: str) -> str:
        return super().__getitem__(key).strip()  # such files end with a line break


class _Env(environ.Env):
    ENVIRON = _Files()


env = _Env()
VAR_DIR = Path(env("VAR_DIR", default=str(BASE_DIR / "var")))
LOCAL_SECRETS_FILE = VAR_DIR / "secrets.env"

DEBUG = env.bool("DEBUG", default=False)
PRODUCTION = "DEBUG" in env and not DEBUG
# Of a `make run` that goes on, for commands beside it (embedded.py).
RUNNING_FILE = VAR_DIR / "run" / "environment"
for _file in (LOCAL_SECRETS_FILE, RUNNING_FILE):
    if not PRODUCTION and _file.exists():
        env.read_env(_file)

# --- Secrets ---------------------------------------------------------------------------------------------------------
SECRET_KEY = env("SECRET_KEY", default="")
# 32 bytes each, base64; the first encrypts, all decrypt (vault.py).
CLARO_SECRET_KEYS = env.list("CLARO_SECRET_KEYS", default=[])
if PRODUCTION and not (SECRET_KEY and CLARO_SECRET_KEYS):
    raise ImproperlyConfigured(
        "With DEBUG off, SECRET_KEY and CLARO_SECRET_KEYS must be set (or SECRET_KEY_FILE and CLARO_SECRET_KEYS_FILE). "
        "`DEBUG=1 python manage.py make_secrets --print` prints a new pair."
    )
if not SECRET_KEY:
    # Before `make_secrets` has run; enough for commands that serve nobody.
    SECRET_KEY = secrets.token_urlsafe(50)

# --- Where it is reached ---------------------------------------------------------------------------------------------
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Under which Claro reaches us, to tell what is processed (datasources/mirror/webhooks.py); empty: it can't.
PUBLIC_URL = env("PUBLIC_URL", default="").rstrip("/")
if PUBLIC_URL:
    ALLOWED_HOSTS.append(urlsplit(PUBLIC_URL).hostname or "")
HTTPS = env.bool("HTTPS", default=PRODUCTION)
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if SECURE_PROXY_SSL_HEADER else 0
SECURE_SSL_REDIRECT = HTTPS
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_REFERRER_POLICY = "same-origin"
CSRF_FAILURE_VIEW = "claro_dashboard.errors.csrf_failure"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
if HTTPS:
    # Browsers take cookies of these names only over https, for this host alone and for all of its paths.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-sessionid", "__Host-csrftoken"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
# The largest body of a request by the beginning of its path; the longest prefix counts (core/bodies.py). Bodies that
# fit are kept in memory: Django never writes one to disk.
BODY_LIMITS = {"/": 1_000_000, "/hooks/": 64 * 1024}
# Bodies to this path alone are read piece by piece (core/bodies.py).
UPLOAD_PATH = "/sources/upload/"
DATA_UPLOAD_MAX_MEMORY_SIZE = FILE_UPLOAD_MAX_MEMORY_SIZE = max(BODY_LIMITS.values())
# Requests that a web process works on at once (core/pool.py).
WEB_THREADS = env.int("WEB_THREADS", default=64)

# --- The Claro API ---------------------------------------------------------------------------------------------------
CLARO_API_BASE_URL = env("CLARO_API_BASE_URL", default="https://secure-api.getclaro.ai/api/v2")
_claro = urlsplit(CLARO_API_BASE_URL)
if PRODUCTION and _claro.scheme == "http" and not is_inside(_claro.hostname or ""):
    raise ImproperlyConfigured(
        "With DEBUG off, CLARO_API_BASE_URL must be an https address, because every call carries an API key. http is "
        "allowed only for this machine and for numeric addresses of private networks."
    )
# Where the API takes files; the reference does not name the path (docs/claro-api.md, uploads).
CLARO_UPLOAD_PATH = env("CLARO_UPLOAD_PATH", default="/datasources/upload")
if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", CLARO_UPLOAD_PATH):
    raise ImproperlyConfigured("CLARO_UPLOAD_PATH is a path below CLARO_API_BASE_URL, such as /datasources/upload.")
# Calls per minute assumed for a key until the API's headers report the real limit: the standard plan
# (docs/claro-api.md, basics).
CLARO_CALLS_PER_MINUTE = env.int("CLARO_CALLS_PER_MINUTE", default=100)
# Rows asked for at once; the API allows 1,000 (docs/claro-api.md, data sources).
CLARO_ROWS_BLOCK = env.int("CLARO_ROWS_BLOCK", default=1000)
ROWS_CACHE_BYTES = env.int("ROWS_CACHE_MB", default=128) * 2**20
ROWS_CACHE_TTL = timedelta(seconds=env.int("ROWS_CACHE_SECONDS", default=3600))
# Whole-table copies (docs/copies.md): the rows up to which opening a table copies it; the disk space of all stored
# copies, and of the opened ones of this machine.
COPY_ROWS_AUTO = env.int("COPY_ROWS_AUTO", default=50_000)
COPIES_BYTES = env.int("COPIES_MB", default=2048) * 2**20
COPIES_OPEN_BYTES = env.int("COPIES_OPEN_MB", default=1024) * 2**20
# Where opened copies lie in clear: in memory where there is such a folder, else in a private folder.
COPIES_OPEN_DIR = env("COPIES_OPEN_DIR", default="")
# Text is sorted as in this language, for every user alike.
COPIES_LOCALE = env("COPIES_LOCALE", default="en")
# How old the copy of the list may be: while somebody looks, and while nobody does.
SYNC_EVERY = timedelta(seconds=env.int("SYNC_EVERY_SECONDS", default=600))
SYNC_AT_REST = timedelta(seconds=env.int("SYNC_AT_REST_SECONDS", default=3600))
# How long what happened is kept; 0: for good.
AUDIT_DAYS = env.int("AUDIT_DAYS", default=365)
# Of one address, for whoever has a share link (core/throttle.py).
SHARE_REQUESTS_A_MINUTE = env.int("SHARE_REQUESTS_A_MINUTE", default=120)
# How much one user may have (accounts/quotas.py); saved views of a team count for the team.
QUOTAS = {
    "keys": env.int("QUOTA_KEYS", default=100),
    "teams": env.int("QUOTA_TEAMS", default=100),
    "memberships": env.int("QUOTA_MEMBERSHIPS", default=500),
    "invitations": env.int("QUOTA_INVITATIONS", default=500),
    "saved_views": env.int("QUOTA_SAVED_VIEWS", default=500),
    "tags": env.int("QUOTA_TAGS", default=200),
    "share_links": env.int("QUOTA_SHARE_LINKS", default=5000),
    "download_links": env.int("QUOTA_DOWNLOAD_LINKS", default=2000),
    "uploads": env.int("QUOTA_UPLOADS", default=200),
}
# Of one person, mailed or not (accounts/invitations.py).
INVITATIONS_AN_HOUR = env.int("INVITATIONS_AN_HOUR", default=20)
# How long what is deleted can be brought back (datasources/deleting/bin.py).
BIN_TIME = timedelta(seconds=env.int("BIN_SECONDS", default=900))
LIVE_STREAMS_PER_USER = env.int("LIVE_STREAMS_PER_USER", default=20)

# Whether notices may be sent to addresses inside our own network (datasources/notices/channels.py).
NOTIFY_PRIVATE_NETWORKS = env.bool("NOTIFY_PRIVATE_NETWORKS", default=False)

# --- Stores ----------------------------------------------------------------------------------------------------------
REDIS_URL = env("REDIS_URL", default="redis://127.0.0.1:6379/0")
DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{VAR_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # Each thread keeps its connection. To open one takes longer than most queries.
    DATABASES["default"]["CONN_MAX_AGE"] = None
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE: a transaction that will write takes the lock first and waits for it, instead of failing half-way.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-20000;",
    }
else:
    from psycopg_pool.base import AttemptWithBackoff

    # A process has more threads than it needs connections at once; a pool keeps it from exhausting max_connections.
    pool = {"min_size": 2, "max_size": 16, "timeout": 10, "reconnect_timeout": 10}
    DATABASES["default"] |= {"OPTIONS": {"pool": pool, "connect_timeout": 5}, "CONN_HEALTH_CHECKS": True}
    # After a restart all connections are dead, which is found out one by one: 0.1 s apart, not 1, 2, 4 s.
    AttemptWithBackoff.INITIAL_DELAY, AttemptWithBackoff.DELAY_BACKOFF = 0.1, 1.3
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "claro:cache",
        "OPTIONS": {"pool_class": "core.redis.Pool"},
    }
}

# --- Celery (claro_dashboard/celery.py) ------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Longer than any task: what a lost worker held is found again in the database (leases.py), not by the broker.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
# A Redis that is silent, and doesn't just refuse: a page doesn't wait for it long, a worker comes back to it soon.
CELERY_BROKER_TRANSPORT_OPTIONS |= {"socket_connect_timeout": 1, "socket_timeout": 2, "health_check_interval": 10}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0}
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "background"
CELERY_TASK_ROUTES = ["datasources.tasks.route"]
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
# How often due work is looked for in the database (datasources/tasks.py).
TICK_SECONDS = env.float("TICK_SECONDS", default=2.0)
CELERY_BEAT_SCHEDULE = {
    # Thrown away unless a worker takes it before the next one comes.
    "tick": {"task": "datasources.tasks.tick", "schedule": TICK_SECONDS, "options": {"expires": max(TICK_SECONDS, 1)}},
    "write_share_uses": {
        "task": "datasources.tasks.write_share_uses",
        "schedule": 5.0,
        "options": {"expires": 5},
    },
    "renew_shared": {"task": "datasources.tasks.renew_shared", "schedule": 600.0, "options": {"expires": 600}},
    "tidy": {"task": "datasources.tasks.tidy", "schedule": 3600.0},
}

# --- Django ----------------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.humanize",
    "claro_dashboard.apps.StaticFiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    "accounts",
    "accounts.sso",
    "datasources",
    "operations",
    "sandbox",
]
MIDDLEWARE = [
    "claro_dashboard.stack.StackMiddleware",
    "core.logs.RequestIdMiddleware",
    "core.proxies.ForwardedMiddleware",
    "django_htmx.middleware.HtmxMiddleware",  # before whatever may answer with an error page
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",  # its files lie there compressed
    "core.compression.GZipMiddleware",  # around whatever writes or reads the body of an answer
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "claro_dashboard.errors.RefusedMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.SignInAgainMiddleware",
    "accounts.middleware.TimeZoneMiddleware",
    "accounts.middleware.SeenMiddleware",
    "accounts.middleware.PrivateMiddleware",
    "accounts.middleware.OidcOnlyMiddleware",
    "datasources.activity.middleware.OriginMiddleware",
    "datasources.views.errors.ClaroErrorMiddleware",
]
ROOT_URLCONF = "claro_dashboard.urls"
ASGI_APPLICATION = "claro_dashboard.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "datasources.views.context.of_every_page",
            ],
            "builtins": ["datasources.templatetags.claro", "datasources.templatetags.live"],
        },
    }
]
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
# Pages are in English alone; to ask each thread for its language took 3 % of a page.
USE_I18N = False
STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "claro_dashboard.storage.StaticStorage"},
    # Ciphertext of whole-table copies.
    "copies": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": str(VAR_DIR / "copies"), "file_permissions_mode": 0o600},
    },
}
if COPIES_S3_BUCKET := env("COPIES_S3_BUCKET", default=""):
    # The credentials are those of AWS's own variables, or of the machine.
    STORAGES["copies"] = {
        "BACKEND": "claro_dashboard.s3.S3Copies",
        "OPTIONS": {
            "bucket_name": COPIES_S3_BUCKET,
            "location": env("COPIES_S3_PREFIX", default="claro-copies"),
            "endpoint_url": env("COPIES_S3_ENDPOINT_URL", default="") or None,
            "region_name": env("COPIES_S3_REGION", default="") or None,
        },
    }
DEFAULT_EXCEPTION_REPORTER_FILTER = "core.logs.NoVariablesFilter"

# The one policy: nothing inline, nothing from elsewhere.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "manifest-src": ["'self'"],
    }
}

# --- People ----------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [{"NAME": "accounts.passwords.PasswordValidator"}]
LOGIN_REDIRECT_URL = "/sources/"
LOGIN_URL = "account_login"
SIGNUP_OPEN = env.bool("SIGNUP_OPEN", default=not PRODUCTION)
ACCOUNT_ADAPTER = "accounts.sign_in.SignInAdapter"
# Neither tells by the time it takes who has an account.
ACCOUNT_FORMS = {
    "signup": "accounts.setup.SignupForm",
    "reset_password": "datasources.views.new_password.ResetPasswordForm",
}
# Passwords and codes at the sign-in are counted by accounts/sign_in.py and accounts/views.py.
ACCOUNT_RATE_LIMITS = {
    "login": None,
    "login_failed": "10/m/ip",
    "signup": "20/m/ip,100/h/ip",
    "change_password": "5/5m/user",
    # A mail each: at most five to one address in ten minutes, and to 20 addresses an hour that one user adds.
    "reset_password": "20/m/ip,5/10m/key",
    "manage_email": "10/m/user,20/h/user",
}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
# What matters asks again who one is.
ACCOUNT_REAUTHENTICATION_REQUIRED = True
MFA_ADAPTER = "accounts.mfa.MFAAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "activate_totp": "accounts.mfa.ActivateTOTPForm",
    "add_webauthn": "accounts.mfa.AddPasskeyForm",
    "edit_webauthn": "accounts.mfa.EditPasskeyForm",
    "authenticate": "accounts.mfa.AuthenticateForm",
    "reauthenticate": "accounts.mfa.ReauthenticateForm",
}
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "Claro Dashboard"
MFA_TOTP_TOLERANCE = 1
# How long the link to a new password works.
PASSWORD_RESET_TIMEOUT = 24 * 3600
SESSION_ENGINE = "accounts.session_store"
SESSION_COOKIE_AGE = 14 * 24 * 3600
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- Single sign-on by OpenID Connect (accounts/sso) -----------------------------------------------------------------
OIDC_NAME = env("OIDC_NAME", default="single sign-on")
# The issuer, under which the provider describes itself; empty: there is none.
OIDC_SERVER_URL = env("OIDC_SERVER_URL", default="").rstrip("/")
OIDC_CLIENT_ID = env("OIDC_CLIENT_ID", default="")
OIDC_CLIENT_SECRET = env("OIDC_CLIENT_SECRET", default="")
# Whoever the provider lets in may sign up, although sign-up is closed.
OIDC_SIGNUP = env.bool("OIDC_SIGNUP", default=True)
# No other way in.
OIDC_ONLY = env.bool("OIDC_ONLY", default=False)
SOCIALACCOUNT_ADAPTER = "accounts.sso.adapter.SocialAccountAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
# A link: a form that leads to another site, as this would after a redirect, is what the policy forbids.
SOCIALACCOUNT_LOGIN_ON_GET = True
SOCIALACCOUNT_PROVIDERS = {
    "oidc": {"APP": {"name": OIDC_NAME, "client_id": OIDC_CLIENT_ID, "secret": OIDC_CLIENT_SECRET}}
}

# --- Mail ------------------------------------------------------------------------------------------------------------
EMAIL_URL = env("EMAIL_URL", default="")
# Without a mail server, mails go to a laptop's terminal. What a server prints is kept in logs, where a link to a new
# password would be a key for whoever reads them: there, no mail is written at all.
_backend = "core.mail.EmailBackend" if EMAIL_URL.startswith("smtp") else None
vars().update(env.email("EMAIL_URL", default="dummymail://" if PRODUCTION else "consolemail://", backend=_backend))
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", default="Claro Dashboard <dashboard@localhost>")
# An address is only confirmed where a mail can arrive.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if EMAIL_URL else "none"
MFA_ALLOW_UNVERIFIED_EMAIL = not EMAIL_URL
# People are told by mail what changes in how they sign in.
ACCOUNT_EMAIL_NOTIFICATIONS = bool(EMAIL_URL)

# --- Logs (core/logs.py) ---------------------------------------------------------------------------------------------
LOG_FORMAT = env("LOG_FORMAT", default="json" if PRODUCTION else "text")
LOGGING = logging(LOG_FORMAT, env("LOG_LEVEL", default="INFO"))

"""A small OpenID Connect provider that speaks HTTP: discovery, keys, code flow with PKCE, userinfo."""

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT_ID, CLIENT_SECRET = "dashboard", "the-client-s-secret"
ACCESS_TOKEN = "an-access-token-that-nobody-stores"
KEY, OTHER_KEY = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))


class Provider:
    """Signs in whoever `person` says; tests spoil one thing at a time."""

    def __init__(self) -> None:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self.reset()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def reset(self) -> None:
        self.person = {"sub": "dora-1", "email": "dora@example.com", "email_verified": True}
        # Claims of the identity token and fields of the discovery that are not as they should be.
        self.claims: dict[str, object] = {}
        self.config: dict[str, object] = {}
        self.userinfo: dict[str, object] | None = None
        self.key, self.algorithm, self.kid = KEY, "RS256", "the-key"
        self.answer = ""  # instead of the code: an error
        self.asked: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    # --- What it answers ---

    def discovery(self) -> dict:
        endpoints = {name: f"{self.url}/{path}" for name, path in PATHS.items()}
        whole = {"issuer": self.url, **endpoints, **self.config}
        return {name: value for name, value in whole.items() if value is not None}

    def jwks(self) -> dict:
        key = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key()))
        return {"keys": [{**key, "kid": "the-key", "use": "sig", "alg": "RS256"}]}

    def authorize(self, query: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        assert query["client_id"] == CLIENT_ID
        assert query["response_type"] == "code"
        assert query["code_challenge_method"] == "S256"
        self.asked.append(query)
        back = {"state": query["state"]}
        if self.answer:
            return f"{query['redirect_uri']}?{urlencode({**back, 'error': self.answer})}"
        code = secrets.token_urlsafe(16)
        self._codes[code] = query
        return f"{query['redirect_uri']}?{urlencode({**back, 'code': code})}"

    def token(self, form: dict[str, str], authorization: str) -> dict | None:
        """None for a request that is not what it should be."""
        begun = self._codes.pop(form.get("code", ""), None)
        verifier = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        basic = "Basic " + base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        right = begun and [
            authorization == basic or form.get("client_secret") == CLIENT_SECRET,
            form["redirect_uri"] == begun["redirect_uri"],
            base64.urlsafe_b64encode(verifier).rstrip(b"=").decode() == begun["code_challenge"],
        ]
        if not right or not all(right):
            return None
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": begun["nonce"]}
        claims |= self.person if self.userinfo is None else {"sub": self.person["sub"]}
        claims = {name: value for name, value in {**claims, **self.claims}.items() if value is not None}
        key = self.key if self.algorithm == "RS256" else "a secret of 32 bytes and somewhat more"
        headers = {"kid": self.kid} if self.kid else {}
        signed = jwt.encode(claims, None if self.algorithm == "none" else key, self.algorithm, headers=headers)
        return {"access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 300, "id_token": signed}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                match parts.path:
                    case "/.well-known/openid-configuration":
                        self._json(provider.discovery())
                    case "/jwks":
                        self._json(provider.jwks())
                    case "/authorize":
                        self.send_response(302)
                        self.send_header("Location", provider.authorize(dict(parse_qsl(parts.query))))
                        self.end_headers()
                    case "/userinfo":
                        is_right = self.headers["Authorization"] == f"Bearer {ACCESS_TOKEN}"
                        self._json(provider.userinfo, 200 if is_right else 401)
                    case _:
                        self._json({}, 404)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                answer = provider.token(dict(parse_qsl(body)), self.headers.get("Authorization", ""))
                self._json(answer or {"error": "invalid_grant"}, 200 if answer else 400)

            def _json(self, answer: object, status: int = 200) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler


PATHS = {
    "authorization_endpoint": "authorize",
    "token_endpoint": "token",
    "jwks_uri": "jwks",
    "userinfo_endpoint": "userinfo",
}

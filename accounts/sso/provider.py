"""Single sign-on by OpenID Connect, with the one provider in the settings.

allauth's own OpenID Connect has no nonce and accepts an unsigned identity token received over TLS. This module
validates all answers as the specification requires
(https://openid.net/specs/openid-connect-core-1_0.html, 3.1.3.7).
"""

import hashlib
from functools import cached_property
from hmac import compare_digest

import jwt
from allauth.account.models import EmailAddress
from allauth.account.utils import get_next_redirect_url
from allauth.socialaccount.adapter import get_adapter
from allauth.socialaccount.models import SocialToken
from allauth.socialaccount.providers.base import AuthProcess, ProviderAccount
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.provider import OAuth2Provider
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter
from django.conf import settings
from django.http import HttpRequest

ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "userinfo_endpoint")
SIGNED_BY = ("RSA", "EC", "OKP")
LEEWAY_S = 60


class NotBelieved(OAuth2Error):
    """An answer of the provider failed validation; the text is for the log and contains no secret."""


def nonce_of(code_verifier: str) -> str:
    """Ties the identity token to this browser's sign-in, as the verifier of PKCE ties the code."""
    return hashlib.sha256(f"nonce {code_verifier}".encode()).hexdigest()


class OidcAdapter(OAuth2Adapter):
    """The requests to the provider and the validation of its answers."""

    provider_id = "oidc"
    _nonce = ""

    @cached_property
    def _config(self) -> dict:
        """The provider's own description of itself (OpenID Connect Discovery)."""
        config = self._get(f"{settings.OIDC_SERVER_URL}/.well-known/openid-configuration")
        if str(config.get("issuer")).rstrip("/") != settings.OIDC_SERVER_URL:
            raise NotBelieved(f"it calls itself {str(config.get('issuer'))[:200]!r}, not {settings.OIDC_SERVER_URL!r}")
        scheme = settings.OIDC_SERVER_URL.partition(":")[0]
        asked = {"userinfo_endpoint": f"{scheme}://", **config}  # that one is optional
        if missing := [name for name in ENDPOINTS if not str(asked.get(name)).startswith(f"{scheme}://")]:
            raise NotBelieved(f"its description has no usable {', '.join(missing)}")
        return config

    @property
    def access_token_url(self) -> str:
        return self._config["token_endpoint"]

    @property
    def authorize_url(self) -> str:
        return self._config["authorization_endpoint"]

    @property
    def basic_auth(self) -> bool:
        """Where it takes the secret in the form that is used: in a header, Basic is what it means by saying nothing."""
        return "client_secret_post" not in self._config.get("token_endpoint_auth_methods_supported", ())

    def get_access_token_data(self, request: HttpRequest, app, client, pkce_code_verifier=None) -> dict:
        self._nonce = nonce_of(pkce_code_verifier)
        return super().get_access_token_data(request, app, client, pkce_code_verifier=pkce_code_verifier)

    def complete_login(self, request: HttpRequest, app, token: SocialToken, **kwargs):
        claims = self._believed(kwargs["response"].get("id_token"))
        if "email" not in claims and (address := self._config.get("userinfo_endpoint")):
            more = self._get(address, headers={"Authorization": f"Bearer {token.token}"})
            if more.get("sub") != claims["sub"]:
                raise NotBelieved("its userinfo is about another user")
            claims = {**claims, "email": more.get("email"), "email_verified": more.get("email_verified")}
        return self.get_provider().sociallogin_from_response(request, claims)

    def _believed(self, id_token: str) -> dict:
        """The claims of an identity token whose signature, issuer, audience, time and nonce are right."""
        try:
            key = self._key(jwt.get_unverified_header(id_token).get("kid"))
            claims = jwt.decode(
                id_token,
                key.key,
                algorithms=[key.algorithm_name],
                audience=settings.OIDC_CLIENT_ID,
                issuer=self._config["issuer"],
                leeway=LEEWAY_S,
                options={"require": ["iss", "sub", "aud", "exp", "iat"]},
            )
        except (jwt.PyJWTError, KeyError, TypeError, ValueError) as error:
            raise NotBelieved(f"its identity token is invalid ({type(error).__name__})") from None
        if not compare_digest(str(claims.get("nonce")), self._nonce):
            raise NotBelieved("its identity token belongs to another sign-in")
        if claims.get("azp", settings.OIDC_CLIENT_ID) != settings.OIDC_CLIENT_ID:
            raise NotBelieved("its identity token was made for another client")
        return claims

    def _key(self, kid: str | None) -> jwt.PyJWK:
        """The key of that name; a token that names none is signed by the only one."""
        keys = jwt.PyJWKSet.from_dict(self._get(self._config["jwks_uri"])).keys
        [key] = [key for key in keys if key.key_type in SIGNED_BY and kid in (None, key.key_id)]
        return key

    def _get(self, address: str, **options) -> dict:
        with get_adapter().get_requests_session() as session:
            response = session.get(address, **options)
            response.raise_for_status()
            answer = response.json()
        if not isinstance(answer, dict):
            raise NotBelieved(f"it answers {address} with something else")
        return answer


class OidcProvider(OAuth2Provider):
    id = "oidc"
    name = "Single sign-on"
    account_class = ProviderAccount
    oauth2_adapter_class = OidcAdapter
    pkce_enabled_default = True

    def get_default_scope(self) -> list[str]:
        return ["openid", "email"]

    def get_redirect_from_request_kwargs(self, request: HttpRequest) -> dict:
        """The next URL only: a link to this page cannot change other parameters."""
        return {"process": AuthProcess.LOGIN, "next_url": get_next_redirect_url(request)}

    def get_pkce_params(self) -> dict:
        parameters = super().get_pkce_params()
        return {**parameters, "nonce": nonce_of(parameters["code_verifier"])}

    def extract_uid(self, data: dict) -> str:
        """The person is who the issuer means by `sub`; another issuer's same `sub` is another person."""
        return hashlib.sha256(f"{data['iss']} {data['sub']}".encode()).hexdigest()

    def extract_extra_data(self, data: dict) -> dict:
        """The part of the user data that the Account page shows."""
        return {"email": data.get("email")}

    def extract_common_fields(self, data: dict) -> dict:
        return {"email": data.get("email")}

    def extract_email_addresses(self, data: dict) -> list[EmailAddress]:
        """Some say that an address is confirmed in a word instead of a boolean; "false" is one, too."""
        if not isinstance(email := data.get("email"), str):
            return []
        verified = data.get("email_verified") is True or data.get("email_verified") == "true"
        return [EmailAddress(email=email.lower(), verified=verified, primary=True)]


provider_classes = [OidcProvider]

"""The machine's own settings for HTTP, from environment variables: proxies and certificate authorities.

A setting that cannot work is a `ConfigurationError` that names the variable, because neither the picture nor the
service is at fault. No message quotes a proxy's URL, which can contain a password.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies, select_proxy
from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url
from urllib3.util.ssl_ import create_urllib3_context

from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.net.deadline import DeadlineSSLSocket
from airflow_provider_oppo_image.net.urls import is_host, is_this_machine

CA_VARIABLES: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
"""The variables that name the certificate authorities; the first one that is set is used."""

_SOCKS_SCHEMES: Final = ("socks4", "socks4a", "socks5", "socks5h")
_PROXY_SCHEMES: Final = ("http", "https", *_SOCKS_SCHEMES)

_HASHED_NAME: Final = re.compile(r"[0-9a-f]{8}\.[0-9]+")


def setting_error(variable: str, found: str, advice: str) -> ConfigurationError:
    """Return the error for a setting of this machine. Its scope is the account's, because every request fails.

    :param variable: the environment variable.
    :param found: what is wrong, with the variable as its subject.
    :param advice: what to do, in sentences.
    """
    return ConfigurationError(f"The environment variable {variable} {found}. {advice}", scope="account")


@dataclass(frozen=True)
class Proxy:
    """A proxy.

    :param url: its URL, with scheme and host; can contain a password.
    :param variable: the environment variable that names it.
    """

    url: str = field(repr=False)
    variable: str

    @property
    def scheme(self) -> str:
        """The URL's scheme in lower case."""
        return self.url.partition(":")[0]

    def error(self, found: str, advice: str) -> ConfigurationError:
        """Return the error for a setting that does not work with this proxy; see `setting_error`."""
        return setting_error(self.variable, f"names a proxy that {found}", advice)


def proxy_for(url: str) -> Proxy | None:
    """Return the proxy for a URL.

    :param url: an http or https URL.
    :return: None for a direct connection, as to each loopback host: its requests must not leave this machine, and
        plain http is allowed there only because they do not.
    :raises ConfigurationError: if the variable's value is not the URL of a usable proxy.
    """
    if is_this_machine(urlsplit(url).hostname or ""):
        return None
    try:
        proxies = get_environ_proxies(url)
    except ValueError:  # bytes that are not UTF-8
        variable = next((name for name in ("no_proxy", "NO_PROXY") if name in os.environ), "no_proxy")
        raise setting_error(
            variable, "has characters that are not valid", "It must be a list of host names, separated by commas."
        ) from None
    value = select_proxy(url, proxies)
    if not value:
        return None
    key = next(
        key for key, candidate in proxies.items() if candidate == value and key in (url.partition(":")[0], "all")
    )
    return _parse_proxy(value, _variable_of(key, value))


def _variable_of(key: str, value: str) -> str:
    """Return the name of a proxy's variable as it is written; names in lower case take precedence."""
    names = [name for name in os.environ if name.lower() == f"{key}_proxy" and os.environ[name] == value]
    return min(names, key=str.isupper, default=f"{key}_proxy")


def _parse_proxy(value: str, variable: str) -> Proxy:
    advice = (
        "It must be the URL of a proxy such as http://proxy.example.com:3128 for this machine. Correct the variable, "
        "or remove it."
    )
    url = value.strip()
    if not re.match(r"[a-z0-9+.-]*://", url, re.IGNORECASE):
        url = "http://" + url.removeprefix("//")
    scheme = url.partition("://")[0].lower()
    if scheme not in _PROXY_SCHEMES:
        raise setting_error(
            variable, "has a URL with an unknown scheme", f"{advice} Schemes: {', '.join(_PROXY_SCHEMES)}."
        )
    try:
        parts = parse_url(url)
    except LocationParseError:
        raise setting_error(variable, "has a URL with an invalid host or port", advice) from None
    if parts.port == 0 or parts.path not in (None, "", "/") or parts.query is not None or parts.fragment is not None:
        raise setting_error(variable, "has a URL with an invalid host or port", advice)
    if not parts.host or not url.isprintable() or " " in url or not is_host(parts.host):
        raise setting_error(variable, "has a URL without a valid host", advice)
    if scheme in _SOCKS_SCHEMES and importlib.util.find_spec("socks") is None:
        raise setting_error(
            variable,
            "names a SOCKS proxy, and the package PySocks is not installed",
            "Install requests[socks] on this machine, or name an http proxy.",
        )
    return Proxy(f"{scheme}://{url.partition('://')[2]}", variable)


@dataclass(frozen=True)
class CaBundle:
    """The certificate authorities that are trusted.

    :param path: a file with certificates, or a directory as ``openssl rehash`` makes it.
    :param variable: the environment variable that names it; None for the package certifi.
    """

    path: str
    variable: str | None

    @classmethod
    def from_environment(cls) -> CaBundle:
        """Return the bundle that the environment names, else that of the package certifi."""
        variable = next((name for name in CA_VARIABLES if os.environ.get(name)), None)
        return cls(os.environ[variable] if variable else DEFAULT_CA_BUNDLE_PATH, variable)

    def ssl_context(self, host: str = "") -> ssl.SSLContext:
        """Return an SSL context that trusts the bundle, and whose sockets observe the deadline.

        The bundle is loaded again if the file has changed, so that long-running processes use new certificates.

        :param host: the host name. OpenSSL matches no wildcard certificate with a name that has an underscore, as
            buckets have; browsers do. For such a name urllib3 compares it with the certificate.
        :return: a context that verifies certificates and host names. Threads may share it.
        :raises ConfigurationError: if the bundle does not exist or has no certificates.
        """
        try:
            return _load_ssl_context(self.path, Path(self.path).stat().st_mtime_ns, "_" not in host)
        except FileNotFoundError:
            found = "does not exist"
        except (ssl.SSLError, _NoCertificatesError):
            found = "has no valid certificates"
        except (OSError, ValueError):
            found = "cannot be read"
        if self.variable is None:
            advice = "Install certifi again, or name a file of certificates in REQUESTS_CA_BUNDLE."
            raise ConfigurationError(f"The CA bundle of the package certifi {found}. {advice}", scope="account")
        raise setting_error(
            self.variable,
            f"names the CA bundle {self.path!r}, which {found}",
            "It must be a file of certificates in PEM format. Correct the variable, or remove it.",
        )


class _NoCertificatesError(Exception):
    pass


@functools.lru_cache(8)
def _load_ssl_context(path: str, _modified: int, check_hostname: bool) -> ssl.SSLContext:
    context = create_urllib3_context()
    context.check_hostname = check_hostname
    context.sslsocket_class = DeadlineSSLSocket
    if Path(path).is_dir():
        # OpenSSL opens its files by the hash of their subjects, and only when it needs them.
        if not any(_HASHED_NAME.fullmatch(entry.name) for entry in Path(path).iterdir()):
            raise _NoCertificatesError
        context.load_verify_locations(capath=path)
    elif not Path(path).is_file():  # opening a pipe would wait for ever
        raise _NoCertificatesError
    else:
        context.load_verify_locations(cafile=path)
        if not context.cert_store_stats()["x509"]:
            raise _NoCertificatesError
    return context

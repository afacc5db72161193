"""Which certificate authorities are trusted. Verification cannot be switched off."""

import ssl
import sys
from pathlib import Path

from bulkstatus.errors import SettingsRefused


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Return a verifying context that trusts the system's authorities and those in `ca_file`.

    Raises SettingsRefused when the file cannot be used.
    """
    context = _system_context()
    # Python 3.13 alone asks for more here than others do; the authorities of many companies'
    # own gateways do not have it. The chain, the dates and the name are verified all the same.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except ssl.SSLError:
            raise SettingsRefused(
                f"--ca-file {ca_file} holds no certificate that can be read; it must be PEM."
            ) from None
        except OSError as error:
            raise SettingsRefused(
                f"--ca-file {ca_file} cannot be read: {error.strerror}."
            ) from None
    return context


def _system_context() -> ssl.SSLContext:
    """Return a context that trusts what the operating system does.

    Windows and macOS have a store of their own, which truststore asks. Elsewhere OpenSSL reads
    the system's bundle by itself, once (through truststore at every connection: 20 ms each);
    truststore finds it where this Python's OpenSSL was built for another system.
    """
    own_store = sys.platform in {"win32", "darwin"}
    if not own_store and ssl.get_default_verify_paths().cafile:
        return ssl.create_default_context()
    try:
        import truststore
    except ImportError:  # a macOS that is too old for it
        return ssl.create_default_context()
    return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

"""How the API is reached, and the quotas that hold for its account."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from ssl import SSLContext
from typing import NamedTuple

from bulkstatus.api.access import Credentials, Proxy, find_proxy, tls_context
from bulkstatus.api.client import OrderStatusApi
from bulkstatus.job.terms import Terms
from bulkstatus.pace import Ledger, Quotas
from bulkstatus.settings.table import Settings


class Way(NamedTuple):
    """How the API is reached."""

    base_url: str
    credentials: Credentials
    tls: SSLContext | None = None
    proxy: Proxy | None = None

    @property
    def account(self) -> tuple[str, str]:
        """The base URL and the ref ID, for which a quota holds."""
        return self.base_url, self.credentials.ref_id

    def api(self, settings: Settings) -> OrderStatusApi:
        """Return the client of the API. Raises SettingsRefused when the base URL is none."""
        return OrderStatusApi(
            self.base_url,
            self.credentials,
            auth_scheme=settings.auth_scheme,
            timeout=settings.timeout,
            concurrency=settings.concurrency,
            tls=self.tls,
            proxy=self.proxy.url if self.proxy else None,
            limit_codes=settings.limit_codes,
        )


def way_with(settings: Settings, credentials: Credentials) -> Way:
    """Return the way to the API that is meant. Raises SettingsRefused where there is none."""
    # Reading the authorities takes longer than all the rest of the start.
    encrypted = settings.base_url.startswith("https:")
    tls = tls_context(settings.ca_file) if encrypted or settings.ca_file else None
    return Way(settings.base_url, credentials, tls, find_proxy(settings.base_url))


@asynccontextmanager
async def way_to_api(
    settings: Settings, terms: Terms, needs_key: bool = True
) -> AsyncIterator[Way]:
    """Yield how the API is reached, or a sandbox when one is asked for.

    Unless it `needs_key`, there is nothing to send, and the way may be without one.
    """
    if not settings.sandbox:
        credentials = Credentials(settings.ref_id or "", "")
        if needs_key and not terms.dry_run:
            credentials = terms.credentials(settings)
            credentials.check()
        yield way_with(settings, credentials)
        return
    from bulkstatus.sandbox import Faults, Sandbox

    async with Sandbox(faults=Faults(refuse=terms.rehearsed_refusals)) as sandbox:
        yield Way(sandbox.base_url, Credentials("sandbox", "sandbox-key"))


@contextmanager
def quotas_of(settings: Settings, account: tuple[str, str]) -> Iterator[Quotas | None]:
    """Yield the account's quotas, None when there are none."""
    if not settings.quota:
        yield None
        return
    ledger = Ledger(":memory:") if settings.sandbox else Ledger()
    try:
        yield Quotas(settings.quota, ledger, " ".join(account), settings.timeout)
    finally:
        ledger.close()

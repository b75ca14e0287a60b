"""HTTP that records: a connection pool beneath the official SDK, and a raw client for what the SDK refuses to send."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from kalshi_python_sync import Configuration, KalshiClient

from .operations import PREFIX, operation_of
from .recorder import RECORDER, Answer
from .signing import Signer
from .specs import SPECS
from .venue import Key

Query = Mapping[str, Any] | list[tuple[str, Any]]


class RecordingPool(urllib3.PoolManager):
    """Validates and records every answer."""

    def urlopen(  # type: ignore[override] # as the class itself overrides its base
        self, method: str, url: str, redirect: bool = True, **kw: Any
    ) -> urllib3.BaseHTTPResponse:
        """Performs one request. Redirects are returned as answers and not followed."""
        response = super().urlopen(method, url, redirect=False, **kw)
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        answer = Answer(operation_of(method, parts.path), method, target, response.status, bytes(response.data))
        RECORDER.answers.append(answer)
        RECORDER.note(f"{method} {target} {answer.status} {answer.body[:400]!r}", SPECS.answer_problems(answer))
        return response


def sdk_client(rest_url: str, key: Key) -> KalshiClient:
    """Returns the official SDK, configured as its documentation says, over the recording pool."""
    configuration = Configuration(host=rest_url)
    configuration.api_key_id = key.key_id
    configuration.private_key_pem = key.pem
    client: KalshiClient = KalshiClient(configuration)  # type: ignore[no-untyped-call]
    client.rest_client.pool_manager = RecordingPool(retries=False)
    return client


class Raw:
    """A client with full control of requests: bodies that no SDK would send, wrong methods, missing headers."""

    def __init__(self, rest_url: str, signer: Signer | None) -> None:
        """Signs requests if there is a signer."""
        parts = urlsplit(rest_url)
        self._origin = f"{parts.scheme}://{parts.netloc}"
        self._signer = signer
        self._pool = RecordingPool(retries=False)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        query: Query | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sends a request. `path` is below the API's prefix; bytes as `body` are sent unchanged, else JSON."""
        full = PREFIX + path
        sent = {"Accept": "application/json"}
        if self._signer is not None:
            sent |= self._signer.headers(method, full)
        data: bytes | None = None
        if body is not None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            sent["Content-Type"] = "application/json"
        sent |= headers or {}
        url = self._origin + full + (f"?{urlencode(query)}" if query else "")
        self._pool.request(method, url, body=data, headers=sent)
        return RECORDER.answers[-1]

    def get(self, path: str, **query: Any) -> Answer:
        """Sends a `GET`."""
        return self.request("GET", path, query=query)

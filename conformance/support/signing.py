"""Signs requests as the exchange documents it, independently of any SDK."""

from __future__ import annotations

import base64
import time
from dataclasses import dataclass, field

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .venue import Key


@dataclass
class Signer:
    """Creates the three authentication headers. `skew_ms` is added to the clock."""

    key: Key
    skew_ms: int = 0
    _private: RSAPrivateKey | Ed25519PrivateKey = field(init=False, repr=False)

    def __post_init__(self) -> None:
        private = load_pem_private_key(self.key.pem.encode(), password=None)
        assert isinstance(private, RSAPrivateKey | Ed25519PrivateKey)
        self._private = private

    def headers(self, method: str, path: str) -> dict[str, str]:
        """Returns the headers for a method and a path, which is signed without its query."""
        timestamp = str(int(time.time() * 1000) + self.skew_ms)
        message = f"{timestamp}{method}{path}".encode()
        return {
            "KALSHI-ACCESS-KEY": self.key.key_id,
            "KALSHI-ACCESS-TIMESTAMP": timestamp,
            "KALSHI-ACCESS-SIGNATURE": base64.b64encode(self._sign(message)).decode(),
        }

    def _sign(self, message: bytes) -> bytes:
        if isinstance(self._private, Ed25519PrivateKey):
            return self._private.sign(message)
        pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)
        return self._private.sign(message, pss, hashes.SHA256())

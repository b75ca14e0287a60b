"""Starts `kalshi-actor exchange` on loopback and provides its addresses and keys."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0


@dataclass(frozen=True)
class Key:
    """An API key: its id, and the file with the private key."""

    key_id: str
    path: Path

    @property
    def pem(self) -> str:
        """Returns the private key, which is secret and only for clients."""
        return self.path.read_text()


@dataclass(frozen=True)
class Account:
    """An account with one key of each kind."""

    number: int
    rsa: Key
    ed25519: Key


@dataclass(frozen=True)
class Venue:
    """A running exchange."""

    rest_url: str
    ws_url: str
    accounts: tuple[Account, ...]
    facts: Mapping[str, object]
    process: subprocess.Popen[str]
    log: Path

    def stop(self) -> None:
        """Stops the exchange as an operator would, and fails if it does not end cleanly."""
        self.process.send_signal(signal.SIGTERM)
        if self.process.stdout is not None:
            self.process.stdout.close()
        try:
            status = self.process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the exchange did not stop within {STOP_TIMEOUT_S:.0f} s of SIGTERM") from None
        assert status == 0, f"the exchange ended with status {status}:\n{self.log.read_text()}"


def binary() -> Path:
    """Returns the program under test, as named by `run.sh`."""
    name = os.environ.get("KALSHI_ACTOR")
    if not name:
        raise RuntimeError("KALSHI_ACTOR is not set: start the suite with conformance/run.sh")
    return Path(name)


def start(folder: Path, *arguments: str, exchange: Mapping[str, str | int] | None = None) -> Venue:
    """Starts an exchange whose keys, configuration and log live in `folder`.

    `exchange` has keys for the section `[exchange]` of the configuration file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "config.toml"
    settings = "".join(f"{name} = {json.dumps(value)}\n" for name, value in (exchange or {}).items())
    config.write_text(f"[exchange]\n{settings}")
    command = [str(binary()), "exchange", "--keys", str(folder / "keys"), "--config", str(config), *arguments]
    log = folder / "exchange.log"
    with log.open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True)
    assert process.stdout is not None
    try:
        facts = json.loads(_first_line(process.stdout, process))
    except Exception as error:
        process.kill()
        process.wait()
        raise RuntimeError(f"the exchange did not start: {error}\n{log.read_text()}") from error
    return Venue(
        rest_url=facts["rest_url"],
        ws_url=facts["ws_url"],
        accounts=tuple(_account(number, keys) for number, keys in enumerate(facts["accounts"], start=1)),
        facts=facts,
        process=process,
        log=log,
    )


def _first_line(output: IO[str], process: subprocess.Popen[str]) -> str:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        ready, _, _ = select.select([output], [], [], 0.1)
        if ready:
            line = output.readline()
            if line:
                return line
        if process.poll() is not None:
            raise RuntimeError(f"it ended with status {process.returncode}")
    raise TimeoutError(f"it printed nothing for {START_TIMEOUT_S:.0f} s")


def _account(number: int, keys: Mapping[str, str]) -> Account:
    return Account(
        number=number,
        rsa=Key(keys["key_id"], Path(keys["private_key_path"])),
        ed25519=Key(keys["ed25519_key_id"], Path(keys["ed25519_private_key_path"])),
    )

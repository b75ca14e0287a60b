"""A raw WebSocket client without an SDK and without reconnection. Every frame is validated, recorded and kept, and the
sequence numbers of every subscription are checked as they arrive.
"""

from __future__ import annotations

import json
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame as WireFrame
from websockets.frames import Opcode
from websockets.uri import parse_uri

from .operations import channel_of
from .recorder import RECORDER, Reply
from .signing import Signer
from .specs import SPECS

Frame = dict[str, Any]
WS_PATH = "/trade-api/ws/v2"
OVERFLOW = 25


class Refused(Exception):
    """The handshake was refused."""

    def __init__(self, status: int, body: bytes) -> None:
        """Takes the answer's status and body."""
        super().__init__(f"handshake refused with {status}: {body!r}")
        self.status = status
        self.body = body


class Closed(Exception):
    """The exchange closed the connection."""


@dataclass
class _Sent:
    key: str
    channels: tuple[str, ...]


class Feed:
    """A connection."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        """Connects and performs the handshake, or raises `Refused`."""
        self.pings: list[bytes] = []
        self.frames: list[Frame] = []
        self.channels: dict[int, str] = {}
        self.passed_over: str | None = None
        self._unread: deque[Frame] = deque()
        self._sent: dict[int, _Sent] = {}
        self._seqs: dict[int, int] = {}
        self._next_id = 0
        parts = urlsplit(url)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=10)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._protocol = ClientProtocol(parse_uri(url), max_size=None)
        request = self._protocol.connect()
        request.headers.update(headers)
        self._protocol.send_request(request)
        self._flush()
        deadline = time.monotonic() + 10
        while self._protocol.handshake_exc is None and not self._open():
            self._receive(deadline)
        if (failure := self._protocol.handshake_exc) is not None:
            self._socket.close()
            if isinstance(failure, InvalidStatus):
                raise Refused(failure.response.status_code, bytes(failure.response.body or b""))
            raise failure

    @classmethod
    def signed(cls, url: str, signer: Signer) -> Feed:
        """Connects with a valid signature."""
        return cls(url, signer.headers("GET", WS_PATH))

    def _open(self) -> bool:
        return self._protocol.state.name == "OPEN"

    def __enter__(self) -> Feed:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection."""
        self._socket.close()

    # Sending.

    def send_text(self, text: str) -> None:
        """Sends a message unchanged."""
        self._protocol.send_text(text.encode())
        self._flush()

    def send(self, cmd: str, params: Mapping[str, Any] | None = None) -> int:
        """Sends a command and returns its id."""
        self._next_id += 1
        message: Frame = {"id": self._next_id, "cmd": cmd}
        if params is not None:
            message["params"] = dict(params)
        self._sent[self._next_id] = self._describe(cmd, params or {})
        self.send_text(json.dumps(message))
        return self._next_id

    def _describe(self, cmd: str, params: Mapping[str, Any]) -> _Sent:
        """Returns the coverage keys of a command."""
        action = params.get("action")
        key = f"ws:{action}" if cmd == "update_subscription" else f"ws:{cmd}"
        named = params.get("channels", ())
        sids = [*(params.get("sids") or ()), *([params["sid"]] if "sid" in params else [])]
        channels = [*named, *(self.channels[sid] for sid in sids if sid in self.channels)]
        return _Sent(key, tuple(channels))

    def burst(self, text: str, times: int) -> None:
        """Sends a message many times as fast as the socket takes it, while reading."""
        for number in range(times):
            self._protocol.send_text(text.encode())
            if number % 500 == 499:
                self._flush()
                self._within(0)
        self._flush()

    def flood(self, text: str, times: int) -> None:
        """Sends a message many times without reading."""
        for number in range(times):
            self._protocol.send_text(text.encode())
            if number % 500 == 499:
                self._flush()
        self._flush()

    def ping(self, payload: bytes) -> None:
        """Sends a ping."""
        self._protocol.send_ping(payload)
        self._flush()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._socket.sendall(data)

    # Receiving.

    def _receive(self, deadline: float) -> None:
        """Reads from the socket once, waiting at most until the deadline."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self._socket.settimeout(left)
        data = self._socket.recv(1 << 16)
        if data:
            self._protocol.receive_data(data)
        else:
            self._protocol.receive_eof()
        for event in self._protocol.events_received():
            if isinstance(event, WireFrame):
                self._take(event)
        self._flush()
        if not data:
            raise Closed("the exchange closed the connection")

    def _take(self, event: WireFrame) -> None:
        if event.opcode is Opcode.PING:
            self.pings.append(bytes(event.data))
        elif event.opcode is Opcode.PONG:
            self._unread.append({"type": "pong", "data": bytes(event.data)})
        elif event.opcode is Opcode.TEXT:
            assert event.fin, "the exchange does not fragment messages"
            self._take_message(json.loads(bytes(event.data)))

    def _take_message(self, frame: Frame) -> None:
        if frame["type"] == self.passed_over:
            self._check_seq(frame)
            return
        RECORDER.note(f"frame {json.dumps(frame)[:400]}", SPECS.frame_problems(frame))
        self._check_seq(frame)
        self._record(frame)
        self.frames.append(frame)
        self._unread.append(frame)

    def _check_seq(self, frame: Frame) -> None:
        """Checks that the numbers of each sid start at 1 and have no gaps."""
        if "seq" not in frame:
            return
        seq, sid = int(frame["seq"]), int(frame["sid"])
        if frame["type"] == "error" and frame["msg"]["code"] == OVERFLOW:
            # Frames that did not fit are lost, and so are their numbers.
            assert seq > self._seqs.get(sid, 0), f"sid {sid}: a number comes again in {frame}"
            self._seqs[sid] = seq
            return
        expected = self._seqs.get(sid, 0) + 1
        assert seq == expected, f"sid {sid}: seq {seq} where {expected} was expected, in {frame}"
        self._seqs[sid] = seq

    def _record(self, frame: Frame) -> None:
        kind, sent = frame["type"], self._sent.get(frame.get("id", 0))
        if kind == "subscribed":
            self.channels[frame["msg"]["sid"]] = frame["msg"]["channel"]
        if sent is not None:
            RECORDER.replies.append(Reply(sent.key, kind != "error"))
            if kind == "error":
                RECORDER.replies.extend(Reply(f"channel:{channel}", False) for channel in sent.channels)
        if (channel := channel_of(kind)) is not None:
            RECORDER.replies.append(Reply(f"channel:{channel}", True))

    def next(self, timeout: float = 5.0) -> Frame:
        """Returns the next frame that has not been returned yet."""
        deadline = time.monotonic() + timeout
        while not self._unread:
            self._receive(deadline)
        return self._unread.popleft()

    def until(self, wanted: Callable[[Frame], bool], timeout: float = 5.0) -> Frame:
        """Returns the next frame of a kind, skipping those before it."""
        deadline = time.monotonic() + timeout
        seen: list[Frame] = []
        while True:
            try:
                frame = self.next(deadline - time.monotonic())
            except TimeoutError:
                raise AssertionError(f"no such frame within {timeout} s; seen: {seen}") from None
            if wanted(frame):
                return frame
            seen.append(frame)

    def typed(self, kind: str, timeout: float = 5.0) -> Frame:
        """Returns the next frame of a type."""
        return self.until(lambda frame: frame["type"] == kind, timeout)

    def reply(self, command: int, timeout: float = 5.0) -> Frame:
        """Returns the next frame that answers a command."""
        return self.until(lambda frame: frame.get("id") == command, timeout)

    def quiet(self, seconds: float = 0.3) -> list[Frame]:
        """Returns the frames that come within a time in which none are expected."""
        return list(self._within(seconds))

    def _within(self, seconds: float) -> Iterator[Frame]:
        deadline = time.monotonic() + seconds
        while True:
            try:
                yield self.next(deadline - time.monotonic())
            except TimeoutError:
                return

    # Commands in one step.

    def ask(self, cmd: str, params: Mapping[str, Any] | None = None) -> Frame:
        """Sends a command and returns its first answer."""
        return self.reply(self.send(cmd, params))

    def subscribe(self, channel: str, *tickers: str, **params: Any) -> int:
        """Subscribes to a channel and returns the sid."""
        filters = {"market_tickers": list(tickers)} if tickers else {}
        frame = self.ask("subscribe", {"channels": [channel], **filters, **params})
        assert frame["type"] == "subscribed", frame
        assert frame["msg"]["channel"] == channel
        return int(frame["msg"]["sid"])

    def update(self, sid: int, action: str, **params: Any) -> Frame:
        """Changes a subscription and returns the first answer."""
        return self.ask("update_subscription", {"sid": sid, "action": action, **params})

"""Exchanges to test, clients for them, and the measurement of coverage."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.coverage import Coverage, Scope
from support.markets import LASTING, Markets
from support.operations import sdk_operations
from support.recorder import RECORDER
from support.specs import CONFORMANCE, FOLDER_VARIABLE, SPECS
from support.trader import Trader
from support.venue import Account, Venue, start

COVERAGE = Coverage(Scope.load(CONFORMANCE / "coverage.toml"))
ASSERTIONS = 0


# Coverage.


def pytest_assertion_pass() -> None:
    """Records that an assertion was evaluated."""
    global ASSERTIONS
    ASSERTIONS += 1


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Sets a test up, with the fixtures that it is the first to use."""
    global ASSERTIONS
    RECORDER.clear()
    ASSERTIONS = 0


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Runs a test, and fails it for invalid answers and for marks that it has not earned."""
    result = yield
    if RECORDER.violations:
        pytest.fail("contradicts the specification:\n" + "\n".join(RECORDER.violations), pytrace=False)
    outcomes = RECORDER.outcomes()
    earned: list[tuple[str, bool]] = []
    for mark_name, succeeded in (("success", True), ("error", False)):
        for operation in (name for mark in item.iter_markers(mark_name) for name in mark.args):
            if (operation, succeeded) not in outcomes:
                pytest.fail(f"marked {mark_name} of {operation}, but no such answer was received", pytrace=False)
            earned.append((operation, succeeded))
    if earned and not ASSERTIONS:
        pytest.fail("marked, but no assertion was evaluated", pytrace=False)
    for operation, succeeded in earned:
        COVERAGE.add(operation, succeeded, item.nodeid)
    return result


def _is_whole_run(config: pytest.Config) -> bool:
    """Returns whether all tests are run, since coverage means nothing for a selection."""
    selected = config.option.keyword or config.option.markexpr
    return not selected and config.args_source is not pytest.Config.ArgsSource.ARGS


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Fails a complete run that has too little coverage."""
    if exitstatus == pytest.ExitCode.OK and _is_whole_run(session.config) and COVERAGE.problems():
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Prints the table of coverage, and what was validated."""
    write = terminalreporter.write_line
    if _is_whole_run(config):
        terminalreporter.section("coverage")
        for line in COVERAGE.table():
            write(line)
        outside = set(sdk_operations()) - set(COVERAGE.scope.operations)
        write(f"outside of the groups: {len(outside)} of the SDK's {len(sdk_operations())} operations")
        for problem in COVERAGE.problems():
            write(f"FAILED {problem}", red=True)
    terminalreporter.section("specifications")
    if SPECS.openapi is None or SPECS.asyncapi is None:
        write(f"nothing was validated: no openapi.yaml and asyncapi.yaml in {SPECS.folder}")
        write(f"{FOLDER_VARIABLE} names another folder")
        return
    write(f"{SPECS.validated_bodies} bodies validated against openapi.yaml {SPECS.openapi.version}")
    write(f"{SPECS.validated_frames} frames validated against asyncapi.yaml {SPECS.asyncapi.version}")
    for deviation, count in SPECS.used.items():
        write(
            f"{count} times as the exchange does against its specification: {deviation.reason} ({deviation.evidence})"
        )
    for (operation, status), count in sorted(SPECS.unlisted.items()):
        write(f"{count} times a status that the specification does not list: {operation} {status}")


# Exchanges.


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for keys and logs, deleted after the run."""
    return tmp_path_factory.mktemp("exchanges")


def _running(venue: Venue) -> Iterator[Venue]:
    try:
        yield venue
    finally:
        venue.stop()


@pytest.fixture(scope="session")
def quiet(folder: Path) -> Iterator[Venue]:
    """An exchange on which only the tests trade, without rate limits, latency or read lag."""
    exchange: dict[str, str | int] = {"tier": "unlimited", "order_latency_ms": 0, "read_lag_ms": 0, "cash": "1000"}
    arguments = ("--quiet-markets", "--markets", str(LASTING + 1), "--accounts", "7", "--seed", "7")
    yield from _running(start(folder / "quiet", *arguments, exchange=exchange))


@pytest.fixture(scope="session")
def limited(folder: Path) -> Iterator[Venue]:
    """An exchange with realistic settings: the tier of a new account, latency and read lag."""
    arguments = ("--quiet-markets", "--markets", "16", "--accounts", "9", "--seed", "8")
    yield from _running(start(folder / "limited", *arguments, exchange={"tier": "basic"}))


@pytest.fixture(scope="session")
def lively(folder: Path) -> Iterator[Venue]:
    """The exchange that the command starts without options."""
    yield from _running(start(folder / "lively"))


# Traders on the quiet exchange. The first two trade with each other; the others are for tests that affect all orders.


@pytest.fixture(scope="session")
def alice(quiet: Venue) -> Trader:
    """Signs with RSA."""
    return Trader.of(quiet, 1, "rsa")


@pytest.fixture(scope="session")
def bob(quiet: Venue) -> Trader:
    """Signs with Ed25519."""
    return Trader.of(quiet, 2, "ed25519")


@pytest.fixture(scope="session")
def carol(quiet: Venue) -> Trader:
    """Signs with Ed25519. Cancels everything now and then."""
    return Trader.of(quiet, 3, "ed25519")


@pytest.fixture(scope="session")
def dave(quiet: Venue) -> Trader:
    """Signs with RSA. Has lists of orders and fills that no other test changes."""
    return Trader.of(quiet, 4, "rsa")


@pytest.fixture(scope="session")
def erin(quiet: Venue) -> Trader:
    """Signs with Ed25519. Owns order groups."""
    return Trader.of(quiet, 5, "ed25519")


@pytest.fixture(scope="session")
def grace(quiet: Venue) -> Trader:
    """Signs with RSA. Has subaccounts."""
    return Trader.of(quiet, 7, "rsa")


@pytest.fixture(scope="session")
def frank(quiet: Venue) -> Account:
    """Has never traded."""
    return quiet.accounts[5]


@pytest.fixture(scope="session")
def markets(alice: Trader) -> Markets:
    """The supply of unused markets."""
    listed = alice.sdk.get_markets(limit=1000, status="open").markets
    return Markets(sorted(market.ticker for market in listed if not market.ticker.startswith("KXSIM15S")))


@pytest.fixture
def market(markets: Markets) -> str:
    """An unused market on the cent grid, on shard 0."""
    return markets.take()


@pytest.fixture
def sharded(markets: Markets) -> str:
    """An unused market on shard 2."""
    return markets.take("KXSIMTAPER")

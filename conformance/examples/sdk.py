import os
from pathlib import Path

from kalshi_python_sync import Configuration, KalshiClient

configuration = Configuration(host=os.environ["REST_URL"])
configuration.api_key_id = os.environ["KEY_ID"]
configuration.private_key_pem = Path(os.environ["KEY_PATH"]).read_text()
client = KalshiClient(configuration)

market = client.get_markets(status="open", limit=1).markets[0]
print(market.ticker, "bid", market.yes_bid_dollars, "ask", market.yes_ask_dollars)

order = client.create_order_v2(
    ticker=market.ticker,
    side="bid",
    price="0.0100",
    count="1.00",
    time_in_force="good_till_canceled",
    self_trade_prevention_type="taker_at_cross",
)
print("resting:", order.remaining_count, "of order", order.order_id)
print("canceled:", client.cancel_order_v2(order.order_id, market_ticker=market.ticker).reduced_by)

#!/usr/bin/env bash
# The exchange's server, called by curl.
set -euo pipefail

base=/trade-api/v2
ticker=KXSIMCENT-0001-A
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "failed: $*" >&2
    exit 1
}

# Signs METHOD and PATH; the headers go to curl as a file.
sign() {
    local timestamp
    timestamp=$(date +%s%3N)
    {
        echo "KALSHI-ACCESS-KEY: $RSA_KEY_ID"
        echo "KALSHI-ACCESS-TIMESTAMP: $timestamp"
        printf 'KALSHI-ACCESS-SIGNATURE: '
        printf '%s' "$timestamp$1$2" | openssl dgst -sha256 -sign "$RSA_KEY_PATH" -sigopt rsa_padding_mode:pss \
            -sigopt rsa_pss_saltlen:digest | base64 -w 0
        echo
    } >"$work/headers"
}

# check NAME STATUS CURL_ARGUMENTS...: the body goes to $work/body, the traffic to $work/log.
check() {
    local name=$1 expected=$2 status
    shift 2
    status=$(curl --silent --show-error --verbose --max-time 20 --output "$work/body" --write-out '%{http_code}' "$@" \
        2>"$work/log") || fail "$name: curl ended with $?: $(tail -3 "$work/log")"
    [[ $status == "$expected" ]] || fail "$name: $status instead of $expected: $(head -c 500 "$work/body")"
    echo "ok $name"
}

order() {
    printf '{"ticker":"%s","side":"bid","count":"1.00","price":"0.0100","client_order_id":"%s",%s}' "$ticker" "$1" \
        '"time_in_force":"good_till_canceled","self_trade_prevention_type":"taker_at_cross"' >"$work/order"
}

sign GET $base/portfolio/balance
check "a signed read" 200 --header @"$work/headers" "$ORIGIN$base/portfolio/balance"

sign POST $base/portfolio/events/orders
signed=(--header @"$work/headers" --header 'Content-Type: application/json')
orders=$ORIGIN$base/portfolio/events/orders
order plain
check "order with a length" 201 "${signed[@]}" --data @"$work/order" "$orders"
order chunked
check "order in chunks" 201 "${signed[@]}" --header 'Transfer-Encoding: chunked' --data @"$work/order" "$orders"
grep -q '^> Transfer-Encoding: chunked' "$work/log" || fail "curl sent no chunks"
order pipe
cat "$work/order" | check "order out of a pipe" 201 "${signed[@]}" --request POST --upload-file - "$orders" >"$work/said"
cat "$work/said"
order expected
check "order that waits to be asked for" 201 "${signed[@]}" --header 'Expect: 100-continue' --expect100-timeout 15 \
    --data @"$work/order" "$orders"
grep -q '^< HTTP/1.1 100 Continue' "$work/log" || fail "curl was not asked for the body"

check "HEAD, and a read on the same connection" 200200 --head "$ORIGIN$base/exchange/status" --next --silent --show-error \
    --max-time 20 --write-out '%{http_code}' --output "$work/second" "$ORIGIN$base/exchange/status"
grep -q exchange_active "$work/second" || fail "nothing was read after HEAD"
check "a target in absolute form" 200 --proxy "$ORIGIN" "$ORIGIN$base/exchange/status"
grep -q '^> GET http://' "$work/log" || fail "curl did not ask a proxy"
check "an escaped path" 200 --path-as-is "$ORIGIN$base/markets/${ticker//-/%2D}"
grep -q "\"ticker\":\"$ticker\"" "$work/body" || fail "another market: $(head -c 200 "$work/body")"
check "HTTP/1.0" 200 --http1.0 "$ORIGIN$base/exchange/status"
check "an offer of HTTP/2" 200 --http2 "$ORIGIN$base/exchange/status"
many=()
for number in {1..90}; do many+=(--header "X-$number: $number"); done
check "ninety headers more" 200 "${many[@]}" "$ORIGIN$base/exchange/status"
check "too many headers" 431 "${many[@]}" "${many[@]}" "$ORIGIN$base/exchange/status"
head -c 3000000 /dev/zero >"$work/large"
check "too long a body" 413 --header 'Expect:' --data-binary @"$work/large" "$orders"
check "too long a body in chunks" 413 --header 'Expect:' --header 'Transfer-Encoding: chunked' \
    --data-binary @"$work/large" "$orders"
check "a preflight" 204 --request OPTIONS --header 'Origin: http://localhost:3000' \
    --header 'Access-Control-Request-Method: POST' "$orders"
grep -qi '^< Access-Control-Allow-Origin: http://localhost:3000' "$work/log" || fail "the page may not read"
check "control from a strange host" 403 --header 'Host: evil.example' --data '{"fault":"cut_answer"}' "$ORIGIN/control/faults"

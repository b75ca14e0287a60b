signed() { # METHOD PATH [BODY]
    local timestamp signature path="/trade-api/v2${2%%\?*}"
    timestamp=$(date +%s%3N)
    signature=$(printf '%s' "$timestamp$1$path" | openssl dgst -sha256 -sign "$KEY_PATH" \
        -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest | base64 -w 0)
    curl --silent --show-error --request "$1" "$REST_URL$2" ${3:+--data "$3"} \
        --header 'Content-Type: application/json' \
        --header "KALSHI-ACCESS-KEY: $KEY_ID" \
        --header "KALSHI-ACCESS-TIMESTAMP: $timestamp" \
        --header "KALSHI-ACCESS-SIGNATURE: $signature"
}
signed GET /portfolio/balance
echo
signed POST /portfolio/events/orders '{"ticker":"KXSIMCENT-0001-A","side":"bid","price":"0.0100","count":"1.00",
    "time_in_force":"good_till_canceled","self_trade_prevention_type":"taker_at_cross"}'
echo

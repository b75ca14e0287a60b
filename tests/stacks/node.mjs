// The exchange's server, called by Node's fetch and by its http module.
import assert from "node:assert/strict";
import { createPrivateKey, sign } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";

const { ORIGIN, ED25519_KEY_ID, ED25519_KEY_PATH } = process.env;
const BASE = "/trade-api/v2";
const ORDERS = `${BASE}/portfolio/events/orders`;
const TICKER = "KXSIMCENT-0001-A";
const key = createPrivateKey(readFileSync(ED25519_KEY_PATH));
const { hostname: host, port } = new URL(ORIGIN);

function signed(method, path) {
    const timestamp = Date.now().toString();
    return {
        "KALSHI-ACCESS-KEY": ED25519_KEY_ID,
        "KALSHI-ACCESS-TIMESTAMP": timestamp,
        "KALSHI-ACCESS-SIGNATURE": sign(null, Buffer.from(timestamp + method + path), key).toString("base64"),
    };
}

let number = 0;
function order() {
    number += 1;
    return JSON.stringify({
        ticker: TICKER, side: "bid", count: "1.00", price: "0.0100", client_order_id: `node-${number}`,
        time_in_force: "good_till_canceled", self_trade_prevention_type: "taker_at_cross",
    });
}

/** A call through the http module; `send` gets the request. */
function call(options, send = (request) => request.end()) {
    return new Promise((resolve, reject) => {
        const request = http.request({ host, port, ...options }, (response) => {
            const parts = [];
            response.on("data", (part) => parts.push(part));
            response.on("end", () => resolve({
                status: response.statusCode, headers: response.headers, body: Buffer.concat(parts).toString(),
                reused: request.reusedSocket,
            }));
            response.on("error", reject);
        });
        request.on("error", reject);
        send(request);
    });
}

async function check(name, run) {
    try {
        await run();
    } catch (error) {
        throw new Error(`failed: ${name}: ${error.stack}`);
    }
    console.log(`ok ${name}`);
}

await check("fetch: a signed read", async () => {
    const path = `${BASE}/portfolio/balance`;
    const answer = await fetch(ORIGIN + path, { headers: signed("GET", path) });
    assert.equal(answer.status, 200, await answer.text());
});
await check("order by fetch with a length", async () => {
    const answer = await fetch(ORIGIN + ORDERS, { method: "POST", headers: signed("POST", ORDERS), body: order() });
    assert.equal(answer.status, 201, await answer.text());
});
await check("order by fetch in chunks", async () => {
    const parts = order().match(/.{1,20}/g).map((part) => new TextEncoder().encode(part));
    const body = new ReadableStream({ pull: (out) => (parts.length ? out.enqueue(parts.shift()) : out.close()) });
    const answer = await fetch(ORIGIN + ORDERS, { method: "POST", headers: signed("POST", ORDERS), body, duplex: "half" });
    assert.equal(answer.status, 201, await answer.text());
});
await check("fetch: HEAD, and a read behind it", async () => {
    const head = await fetch(`${ORIGIN}${BASE}/exchange/status`, { method: "HEAD" });
    const get = await fetch(`${ORIGIN}${BASE}/exchange/status`);
    const text = await get.text();
    assert.deepEqual([head.status, await head.text(), get.status], [200, "", 200]);
    assert.equal(head.headers.get("content-length"), String(Buffer.byteLength(text)));
});
await check("fetch: an escaped path", async () => {
    const path = `${BASE}/markets/${TICKER.replaceAll("-", "%2D")}`;
    const answer = await fetch(ORIGIN + path, { headers: signed("GET", path) });
    assert.equal((await answer.json()).market.ticker, TICKER);
});
await check("fetch: a slash too many is followed", async () => {
    const answer = await fetch(`${ORIGIN}${BASE}/markets/?limit=1`);
    assert.deepEqual([answer.status, answer.redirected], [200, true]);
});
await check("fetch: a target of 58 kB", async () => {
    const names = Array.from({ length: 1_000 }, (_, at) => `KXMVE${"A".repeat(48)}${String(at).padStart(4, "0")}`);
    const answer = await fetch(`${ORIGIN}${BASE}/markets?tickers=${names.join(",")},${TICKER}`);
    assert.equal((await answer.json()).markets.length, 1);
});
await check("order by http in chunks with a trailer", async () => {
    const body = order();
    const headers = { ...signed("POST", ORDERS), Trailer: "X-Sum", "Transfer-Encoding": "chunked" };
    const answer = await call({ path: ORDERS, method: "POST", headers }, (request) => {
        for (const part of body.match(/.{1,7}/g)) request.write(part);
        request.addTrailers({ "X-Sum": "1" });
        request.end();
    });
    assert.equal(answer.status, 201, answer.body);
});
await check("order by http that waits to be asked for", async () => {
    const body = order();
    const headers = { ...signed("POST", ORDERS), Expect: "100-continue", "Content-Length": Buffer.byteLength(body) };
    let asked = false;
    const answer = await call({ path: ORDERS, method: "POST", headers }, (request) => {
        request.on("continue", () => {
            asked = true;
            request.end(body);
        });
        request.flushHeaders();
    });
    assert.deepEqual([answer.status, asked], [201, true], answer.body);
});
await check("http: an open connection is used again, after HEAD too", async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const reused = [];
    for (const method of ["GET", "HEAD", "DELETE", "OPTIONS", "GET"]) {
        const answer = await call({ agent, path: `${BASE}/exchange/status`, method });
        reused.push(answer.reused);
        assert.equal(answer.body.length === 0, method === "HEAD" || method === "OPTIONS", answer.body);
    }
    agent.destroy();
    assert.deepEqual(reused, [false, true, true, true, true]);
});
await check("http: a target in absolute form", async () => {
    const answer = await call({ path: `${ORIGIN}${BASE}/exchange/status` });
    assert.equal(answer.status, 200);
});
await check("http: many headers, and too many", async () => {
    const headers = (count) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`x-${at}`, "y"]));
    const path = `${BASE}/exchange/status`;
    assert.equal((await call({ path, headers: headers(90) })).status, 200);
    assert.equal((await call({ path, headers: headers(150) })).status, 431);
});
await check("http: too long a body is refused before it is sent", async () => {
    const answer = await call({ path: ORDERS, method: "POST", headers: { "Content-Length": 3_000_000 } }, (request) => {
        request.write(Buffer.alloc(1_000_000));
    });
    assert.equal(answer.status, 413, answer.body);
});
await check("http: pages of this machine may call, others may not", async () => {
    const ask = async (origin) => {
        const headers = { Origin: origin, "Access-Control-Request-Method": "POST" };
        const answer = await call({ path: ORDERS, method: "OPTIONS", headers });
        assert.equal(answer.status, 204);
        return answer.headers["access-control-allow-origin"];
    };
    assert.deepEqual([await ask("http://localhost:5173"), await ask("https://evil.example")], ["http://localhost:5173", undefined]);
});
await check("http: the control endpoint knows its own name alone", async () => {
    const arm = (headers) => call({ path: "/control/faults", method: "POST", headers }, (request) => request.end('{"fault":"cut_answer"}'));
    assert.equal((await arm({ Host: `evil.example:${port}` })).status, 403);
    assert.equal((await arm({ Origin: "https://evil.example" })).status, 403);
    assert.equal((await call({ path: "/control", headers: { Host: `localhost:${port}` } })).status, 200);
});
await check("http: a method that no call has", async () => {
    const answer = await call({ path: ORDERS, method: "PATCH" });
    assert.deepEqual([answer.status, answer.headers.allow], [405, "POST, DELETE, OPTIONS"]);
});
process.exit(0);

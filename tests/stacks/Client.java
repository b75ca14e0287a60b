// The exchange's server, called by java.net.http: its HTTP client and its WebSocket.

import java.io.ByteArrayInputStream;
import java.net.InetSocketAddress;
import java.net.ProxySelector;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublisher;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.net.http.WebSocket;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.util.Base64;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

public class Client {
    static final String ORIGIN = System.getenv("ORIGIN");
    static final String BASE = "/trade-api/v2";
    static final String ORDERS = BASE + "/portfolio/events/orders";
    static final String TICKER = "KXSIMCENT-0001-A";
    static PrivateKey key;
    static int orders = 0;

    interface Check {
        void run() throws Exception;
    }

    static void check(String name, Check check) throws Exception {
        try {
            check.run();
        } catch (Throwable error) {
            throw new Exception("failed: " + name, error);
        }
        System.out.println("ok " + name);
    }

    static void equal(Object found, Object expected) {
        if (!found.equals(expected)) throw new AssertionError(found + " instead of " + expected);
    }

    static String[] signed(String method, String path) throws Exception {
        var timestamp = Long.toString(System.currentTimeMillis());
        var signer = Signature.getInstance("Ed25519");
        signer.initSign(key);
        signer.update((timestamp + method + path).getBytes(StandardCharsets.UTF_8));
        return new String[] {
            "KALSHI-ACCESS-KEY", System.getenv("ED25519_KEY_ID"),
            "KALSHI-ACCESS-TIMESTAMP", timestamp,
            "KALSHI-ACCESS-SIGNATURE", Base64.getEncoder().encodeToString(signer.sign()),
        };
    }

    static HttpRequest.Builder request(String method, String path, BodyPublisher body) throws Exception {
        return HttpRequest.newBuilder(URI.create(ORIGIN + path)).timeout(Duration.ofSeconds(20))
            .headers(signed(method, path.split("\\?")[0])).method(method, body);
    }

    static byte[] order() {
        orders += 1;
        var text = "{\"ticker\":\"" + TICKER + "\",\"side\":\"bid\",\"count\":\"1.00\",\"price\":\"0.0100\","
            + "\"client_order_id\":\"java-" + orders + "\",\"time_in_force\":\"good_till_canceled\","
            + "\"self_trade_prevention_type\":\"taker_at_cross\"}";
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static HttpResponse<String> send(HttpClient client, HttpRequest.Builder request) throws Exception {
        return client.send(request.build(), BodyHandlers.ofString());
    }

    /** Collects a session's first text, and the code of its close. */
    static class Listener implements WebSocket.Listener {
        final CompletableFuture<String> first = new CompletableFuture<>();
        final CompletableFuture<Integer> closed = new CompletableFuture<>();
        final StringBuilder text = new StringBuilder();

        @Override
        public CompletionStage<?> onText(WebSocket socket, CharSequence part, boolean last) {
            text.append(part);
            if (last) first.complete(text.toString());
            socket.request(1);
            return null;
        }

        @Override
        public CompletionStage<?> onClose(WebSocket socket, int code, String reason) {
            closed.complete(code);
            return null;
        }

        @Override
        public void onError(WebSocket socket, Throwable error) {
            first.completeExceptionally(error);
            closed.completeExceptionally(error);
        }
    }

    static WebSocket open(HttpClient client, Listener listener) throws Exception {
        var builder = client.newWebSocketBuilder();
        var headers = signed("GET", "/trade-api/ws/v2");
        for (int at = 0; at < headers.length; at += 2) builder.header(headers[at], headers[at + 1]);
        return builder.buildAsync(URI.create(System.getenv("WS_URL")), listener).get(20, TimeUnit.SECONDS);
    }

    public static void main(String[] arguments) throws Exception {
        var pem = Files.readString(Path.of(System.getenv("ED25519_KEY_PATH")));
        var der = Base64.getMimeDecoder().decode(pem.replaceAll("-----[^-]+-----", ""));
        key = KeyFactory.getInstance("Ed25519").generatePrivate(new PKCS8EncodedKeySpec(der));
        // With the default settings, which offer HTTP/2 in the first request of a connection.
        var client = HttpClient.newHttpClient();
        var none = BodyPublishers.noBody();

        check("a signed read with an offer of HTTP/2", () -> {
            var answer = send(client, request("GET", BASE + "/portfolio/balance", none));
            equal(answer.statusCode(), 200);
            equal(answer.version(), HttpClient.Version.HTTP_1_1);
        });
        check("order with a length", () ->
            equal(send(client, request("POST", ORDERS, BodyPublishers.ofByteArray(order()))).statusCode(), 201));
        check("order in chunks", () -> {
            var body = order();
            var stream = BodyPublishers.ofInputStream(() -> new ByteArrayInputStream(body));
            equal(send(client, request("POST", ORDERS, stream)).statusCode(), 201);
        });
        check("order that waits to be asked for", () -> {
            var request = request("POST", ORDERS, BodyPublishers.ofByteArray(order())).expectContinue(true);
            equal(send(client, request).statusCode(), 201);
        });
        check("HEAD, and a read behind it", () -> {
            var head = send(client, request("HEAD", BASE + "/exchange/status", none));
            var get = send(client, request("GET", BASE + "/exchange/status", none));
            equal(head.statusCode() + head.body(), "200");
            equal(get.statusCode(), 200);
            equal(head.headers().firstValueAsLong("content-length").getAsLong(), (long) get.body().length());
        });
        check("an escaped path", () -> {
            var answer = send(client, request("GET", BASE + "/markets/" + TICKER.replace("-", "%2D"), none));
            equal(answer.statusCode() + " " + answer.body().contains(TICKER), "200 true");
        });
        check("a target in absolute form", () -> {
            var own = URI.create(ORIGIN);
            var proxy = ProxySelector.of(new InetSocketAddress(own.getHost(), own.getPort()));
            var through = HttpClient.newBuilder().proxy(proxy).build();
            equal(send(through, request("GET", BASE + "/portfolio/balance", none)).statusCode(), 200);
        });
        check("a slash too many is followed", () -> {
            var follows = HttpClient.newBuilder().followRedirects(HttpClient.Redirect.NORMAL).build();
            equal(send(follows, HttpRequest.newBuilder(URI.create(ORIGIN + BASE + "/markets/"))).statusCode(), 200);
        });
        check("what a path allows", () -> {
            var answer = send(client, request("OPTIONS", ORDERS, none));
            equal(answer.headers().firstValue("allow").get(), "POST, DELETE, OPTIONS");
        });
        check("a thousand calls on few connections", () -> {
            var calls = IntStream.range(0, 1_000).mapToObj(at ->
                client.sendAsync(HttpRequest.newBuilder(URI.create(ORIGIN + BASE + "/exchange/status")).build(), BodyHandlers.ofString()));
            for (var call : calls.collect(Collectors.toList())) equal(call.get(60, TimeUnit.SECONDS).statusCode(), 200);
        });
        check("a subscription to 20,000 markets of 57 characters", () -> {
            var listener = new Listener();
            var socket = open(client, listener);
            var names = IntStream.range(0, 20_000).mapToObj(at -> "\"KXMVE" + "A".repeat(46) + String.format("%06d", at) + "\"");
            socket.sendText("{\"id\":1,\"cmd\":\"subscribe\",\"params\":{\"channels\":[\"ticker\"],\"market_tickers\":["
                + names.collect(Collectors.joining(",")) + "]}}", true).get(20, TimeUnit.SECONDS);
            equal(listener.first.get(20, TimeUnit.SECONDS).contains("\"subscribed\""), true);
            socket.sendClose(WebSocket.NORMAL_CLOSURE, "").get(20, TimeUnit.SECONDS);
            equal(listener.closed.get(20, TimeUnit.SECONDS), 1000);
        });
        check("a binary message is closed with 1003", () -> {
            var listener = new Listener();
            open(client, listener).sendBinary(ByteBuffer.wrap(new byte[] {'{', '}'}), true).get(20, TimeUnit.SECONDS);
            equal(listener.closed.get(20, TimeUnit.SECONDS), 1003);
        });
        check("a message too large is closed with 1009", () -> {
            var listener = new Listener();
            open(client, listener).sendText(" ".repeat(5_000_000), true);
            equal(listener.closed.get(20, TimeUnit.SECONDS), 1009);
        });
        System.exit(0);
    }
}

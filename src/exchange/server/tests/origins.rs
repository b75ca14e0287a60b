//! What web pages may do.

use super::*;

/// Sends a request with these headers; returns the response's status and head.
fn call(fixture: &Fixture, method: &str, path: &str, headers: &str) -> (u16, String) {
    let mut stream = fixture.connect();
    let body = if method == "POST" { r#"{"fault":"cut_answer"}"# } else { "" };
    let length = body.len();
    let text = format!("{method} {path} HTTP/1.1\r\n{headers}Content-Length: {length}\r\n\r\n{body}");
    stream.write_all(text.as_bytes()).unwrap();
    let (status, head, _) = read_head(&mut stream);
    (status, head)
}

#[test]
fn a_web_page_cannot_arm_a_fault() {
    let fixture = Fixture::quiet(Exchange::builder());
    let port = fixture.addr.port();
    for headers in [
        format!("Host: evil.example:{port}\r\n"),
        format!("Host: localhost:{port}\r\nOrigin: http://evil.example\r\nContent-Type: text/plain\r\n"),
        format!("Host: localhost:{port}\r\nOrigin: null\r\n"),
        format!("Host: localhost:{port}\r\nOrigin: http://localhost:3000\r\n"),
        format!("Host: localhost:{port}\r\nSec-Fetch-Site: cross-site\r\n"),
        format!("Host: localhost:{port}\r\nX-Forwarded-For: 1.2.3.4\r\n"),
        format!("Host: localhost:{}\r\n", port.wrapping_sub(1)),
    ] {
        for (method, path) in [
            ("POST", "/control/faults"),
            ("POST", "/control/f%61ults"),
            ("DELETE", "/control/faults"),
            ("GET", "/control"),
            ("OPTIONS", "/control"),
        ] {
            assert_eq!(call(&fixture, method, path, &headers).0, 403, "{method} {path} {headers}");
        }
    }
    // A rebound name in the target counts, whatever `Host` says.
    let url = format!("http://evil.example:{port}/control/faults");
    assert_eq!(call(&fixture, "POST", &url, &format!("Host: localhost:{port}\r\n")).0, 403);
    let own = format!("Host: localhost:{port}\r\n");
    assert_eq!(call(&fixture, "POST", "/control/faults", &own).0, 200);
    let exchange = fixture.stop();
    assert_eq!(exchange.gateway().armed_faults(), [Fault::CutAnswer], "only the last one armed anything");
}

#[test]
fn pages_of_this_machine_may_read_responses_if_enabled() {
    let status = "/trade-api/v2/exchange/status";
    for cors in [false, true] {
        let fixture = Fixture::quiet(Exchange::builder().cors(cors));
        let host = format!("Host: {}\r\n", fixture.addr);
        let allows = |method: &str, path: &str, origin: &str| {
            let (code, head) = call(&fixture, method, path, &format!("{host}Origin: {origin}\r\n"));
            assert_eq!(head.contains("Access-Control-Allow-Origin"), head.contains("Vary: Origin"), "{head}");
            (code, head.contains(&format!("\r\nAccess-Control-Allow-Origin: {origin}\r\n")))
        };
        assert_eq!(allows("GET", status, "http://localhost:3000"), (200, cors));
        assert_eq!(allows("GET", "/trade-api/v2/portfolio/balance", "https://127.0.0.1"), (401, cors));
        assert_eq!(allows("GET", status, "http://evil.example"), (200, false));
        assert_eq!(allows("GET", status, "null"), (200, false));
        assert_eq!(allows("OPTIONS", ORDERS, "http://[::1]:5173"), (204, cors));
        let (_, head) = call(&fixture, "OPTIONS", ORDERS, &format!("{host}Origin: http://localhost:3000\r\n"));
        for line in ["Access-Control-Allow-Methods: POST, DELETE, OPTIONS", "Access-Control-Allow-Headers: *"] {
            assert_eq!(head.contains(&format!("\r\n{line}\r\n")), cors, "{head}");
        }
    }
}

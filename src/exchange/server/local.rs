//! What a web page may do. A browser sends a page's requests to this machine as readily as anywhere else: to the control
//! endpoint by a form, or under a host name that the page's owner resolves to this machine (DNS rebinding). Such requests
//! are recognised by their `Host`, `Origin` and `Sec-Fetch-Site` headers.

use std::net::IpAddr;

use super::http::Request;

/// Checks whether a request may reach the control endpoint of a server on this port. It must be addressed to this machine
/// and must not come from a web page, except from one that may read responses anyway.
///
/// # Errors
/// Why not, for people.
pub fn check_control(request: &Request<'_>, port: u16, cors: bool) -> Result<(), String> {
    let authority = request.authority.unwrap_or_default();
    if split(authority).is_none_or(|(host, its_port)| !is_loopback(host) || its_port != port) {
        return Err(format!("Host is `{authority}`: expected localhost, 127.0.0.1 or [::1] with :{port}"));
    }
    let sender = request.sender;
    if sender.is_forwarded {
        return Err("the request was forwarded by a proxy: expected one from this machine".to_owned());
    }
    let is_own = |origin: &str| {
        origin.split_once("://").is_some_and(|(scheme, host)| scheme == "http" && host.eq_ignore_ascii_case(authority))
    };
    match sender.origin {
        Some(origin) if is_own(origin) || reader(cors, Some(origin)).is_some() => Ok(()),
        Some(origin) => Err(format!("Origin is `{origin}`: web pages may not control the exchange")),
        None if matches!(sender.fetch_site, None | Some("none" | "same-origin")) => Ok(()),
        None => Err("the request comes from a web page of another site".to_owned()),
    }
}

/// The origin of a page that may read responses: with CORS enabled, one that is served by this machine.
#[must_use]
pub fn reader(cors: bool, origin: Option<&str>) -> Option<&str> {
    origin.filter(|origin| {
        cors && origin.split_once("://").is_some_and(|(scheme, authority)| {
            matches!(scheme, "http" | "https") && split(authority).is_some_and(|(host, _)| is_loopback(host))
        })
    })
}

/// The host and port of an authority; the default is HTTP's port.
fn split(authority: &str) -> Option<(&str, u16)> {
    // The colons of an IPv6 address are in brackets.
    let host_end = authority.rfind(']').map_or(0, |end| end + 1);
    let Some(colon) = authority[host_end..].find(':') else { return Some((authority, 80)) };
    let (host, port) = authority.split_at(host_end + colon);
    let digits = &port[1..];
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then_some(())?;
    Some((host, digits.parse().ok()?))
}

/// Whether a host is this machine for every resolver: `localhost`, or a loopback address.
fn is_loopback(host: &str) -> bool {
    let bracketed = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match bracketed {
        Some(address) => address.parse().is_ok_and(|address: std::net::Ipv6Addr| address.is_loopback()),
        None => {
            host.eq_ignore_ascii_case("localhost")
                || host.parse().is_ok_and(|address: IpAddr| address.is_ipv4() && address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::http::{Parsed, Reader};
    use super::*;

    /// The result of the check for a request with these headers to port 8080.
    fn check(headers: &str, cors: bool) -> Result<(), String> {
        let text = format!("POST /control/faults HTTP/1.1\r\n{headers}\r\n");
        let mut reader = Reader::default();
        let (_, Parsed::Complete(request)) = reader.read(text.as_bytes()) else { panic!("{text} is a request") };
        check_control(&request, 8080, cors)
    }

    #[test]
    fn only_names_and_addresses_of_this_machine_reach_the_control_endpoint() {
        for host in ["localhost:8080", "LocalHost:8080", "127.0.0.1:8080", "127.9.9.9:8080", "[::1]:8080"] {
            assert_eq!(check(&format!("Host: {host}\r\n"), false), Ok(()), "{host}");
        }
        for host in [
            "evil.example:8080",
            "localhost.evil.example:8080",
            "127.0.0.1.evil.example:8080",
            "localhost",
            "localhost:80",
            "localhost:",
            "localhost:+8080",
            "0.0.0.0:8080",
            "[::]:8080",
            "::1",
            "192.168.0.1:8080",
            "[::1]8080",
            "[127.0.0.1]:8080",
            "",
        ] {
            let refused = check(&format!("Host: {host}\r\n"), true).unwrap_err();
            assert!(refused.contains("expected localhost"), "{host}: {refused}");
        }
    }

    #[test]
    fn a_web_page_does_not_reach_the_control_endpoint_unless_it_may_read_answers() {
        let with = |header: &str, cors| check(&format!("Host: localhost:8080\r\n{header}\r\n"), cors);
        for header in
            ["Origin: null", "Origin: http://evil.example", "Origin: http://localhost.evil.example:8080", "Via: 1.1 x"]
        {
            assert!(with(header, false).is_err() && with(header, true).is_err(), "{header}");
        }
        for header in ["Origin: http://localhost:3000", "Origin: https://127.0.0.1", "Origin: http://[::1]:5173"] {
            assert!(with(header, false).is_err(), "{header}");
            assert_eq!(with(header, true), Ok(()), "{header}");
        }
        for header in ["Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"] {
            assert!(with(header, false).is_err(), "{header}");
        }
        for header in ["Origin: http://localhost:8080", "Sec-Fetch-Site: none", "Sec-Fetch-Site: same-origin"] {
            assert_eq!(with(header, false), Ok(()), "{header}");
        }
    }
}

//! The parts of a URL that a socket needs, and their parser.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The address of a service: `http`, `https`, `ws` or `wss`, a host, a port and a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Whether the scheme is `https` or `wss`.
    pub tls: bool,
    /// A host name or an IP address; IPv6 without brackets.
    pub host: String,
    /// The scheme's default unless the URL names one.
    pub port: u16,
    /// The path without a trailing slash; may be empty.
    pub path: String,
    scheme: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("`{url}` is not a URL that can be used here: {problem}; expected one such as https://host:8080/path")]
pub struct EndpointError {
    url: String,
    problem: &'static str,
}

impl Endpoint {
    /// The value of the `Host` header. It has a port only if that is not the scheme's default.
    #[must_use]
    pub fn authority(&self) -> String {
        let brackets = if self.host.contains(':') { ("[", "]") } else { ("", "") };
        let host = format!("{}{}{}", brackets.0, self.host, brackets.1);
        if self.port == default_port(self.tls) { host } else { format!("{host}:{}", self.port) }
    }

    /// Scheme, host and port, to which a path from the root can be appended.
    #[must_use]
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority())
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(url: &str) -> Result<Self, EndpointError> {
        let refuse = |problem| EndpointError { url: url.to_owned(), problem };
        let (scheme, rest) = url.split_once("://").ok_or_else(|| refuse("it has no scheme"))?;
        let (scheme, tls) = match scheme {
            "http" => ("http", false),
            "https" => ("https", true),
            "ws" => ("ws", false),
            "wss" => ("wss", true),
            _ => return Err(refuse("its scheme is none of http, https, ws, wss")),
        };
        let (authority, path) = match rest.find('/') {
            Some(slash) => rest.split_at(slash),
            None => (rest, ""),
        };
        if authority.contains('@') {
            return Err(EndpointError { url: format!("{scheme}://..."), problem: "it carries credentials" });
        }
        if path.contains(['?', '#']) || authority.contains(['?', '#']) {
            return Err(refuse("it has a query or a fragment"));
        }
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(refuse("it has a space or a character outside ASCII"));
        }
        let (host, port) = match authority.strip_prefix('[') {
            Some(bracketed) => {
                let (host, after) = bracketed.split_once(']').ok_or_else(|| refuse("a bracket is not closed"))?;
                (host, after.strip_prefix(':').or_else(|| after.is_empty().then_some("")))
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, Some("")),
            },
        };
        let port = match port.ok_or_else(|| refuse("something stands between host and path"))? {
            "" => default_port(tls),
            digits => digits.parse().map_err(|_| refuse("its port is not a number from 0 to 65535"))?,
        };
        if host.is_empty() {
            return Err(refuse("it has no host"));
        }
        let path = path.trim_end_matches('/').to_owned();
        Ok(Self { tls, host: host.to_owned(), port, path, scheme })
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin(), self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_read_and_printed_back() {
        for (url, tls, host, port, path) in [
            ("https://example.com/trade-api/v2", true, "example.com", 443, "/trade-api/v2"),
            ("ws://127.0.0.1:8080/trade-api/ws/v2", false, "127.0.0.1", 8080, "/trade-api/ws/v2"),
            ("http://[::1]:80", false, "::1", 80, ""),
            ("wss://example.com:4443/", true, "example.com", 4443, ""),
        ] {
            let endpoint: Endpoint = url.parse().unwrap();
            assert_eq!((endpoint.tls, endpoint.host.as_str(), endpoint.port), (tls, host, port), "{url}");
            assert_eq!(endpoint.path, path);
            assert_eq!(endpoint.to_string().parse::<Endpoint>().unwrap(), endpoint);
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_the_reason() {
        for (url, problem) in [
            ("example.com", "no scheme"),
            ("ftp://example.com", "none of http"),
            ("http://:80", "no host"),
            ("http://host:99999", "port"),
            ("http://host/path?query", "query"),
            ("http://[::1", "bracket"),
            ("http://[::1]x/", "between"),
            ("http://ho st/", "space"),
        ] {
            let error = url.parse::<Endpoint>().unwrap_err().to_string();
            assert!(error.contains(problem), "{url}: {error}");
        }
    }

    #[test]
    fn credentials_in_a_url_are_refused_and_not_repeated() {
        let error = "https://user:secret@host/".parse::<Endpoint>().unwrap_err().to_string();
        assert!(error.contains("credentials") && !error.contains("secret"), "{error}");
    }
}

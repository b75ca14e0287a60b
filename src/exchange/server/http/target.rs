//! Request targets, in the forms of RFC 9112, 3.2.

/// A parsed target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    /// The authority of a target in absolute form, which takes precedence over the `Host` header.
    pub authority: Option<&'a str>,
    /// The path with the query, or `*`.
    pub resource: &'a str,
}

/// Parses a target.
///
/// # Errors
/// A message that says what is wrong.
pub(super) fn read<'a>(method: &str, text: &'a str) -> Result<Target<'a>, &'static str> {
    if text.contains('#') {
        return Err("malformed target: a fragment is not sent");
    }
    let target = match text {
        "*" if method == "OPTIONS" => Target { authority: None, resource: text },
        // No tunnel is opened, so its destination does not matter.
        _ if method == "CONNECT" => Target { authority: Some(text), resource: "/" },
        _ if text.starts_with('/') => Target { authority: None, resource: text },
        _ => absolute(text).ok_or("malformed target: expected a path, or a URL with http")?,
    };
    if has_broken_escape(path_of(target.resource)) {
        return Err("malformed target: % without two hexadecimal digits in the path");
    }
    Ok(target)
}

/// The path of a resource, without its query.
pub(in super::super) fn path_of(resource: &str) -> &str {
    resource.split_once('?').map_or(resource, |(path, _)| path)
}

fn absolute(text: &str) -> Option<Target<'_>> {
    let (scheme, rest) = text.split_once("://")?;
    if !["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)) {
        return None;
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, resource) = rest.split_at(end);
    // Without a path it is the root with any query, for which there is no page.
    let resource = if resource.starts_with('/') { resource } else { "/" };
    is_authority(authority).then_some(Target { authority: Some(authority), resource })
}

/// Whether a text can be a host with an optional port: no user, no path, no space.
pub(super) fn is_authority(text: &str) -> bool {
    !text.is_empty() && !text.bytes().any(|byte| byte <= b' ' || b"/?#@\\\x7f".contains(&byte))
}

fn has_broken_escape(path: &str) -> bool {
    let bytes = path.as_bytes();
    memchr::memchr_iter(b'%', bytes)
        .any(|at| !bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_of_target_gives_its_resource() {
        let of = |method, text| read(method, text).map(|target| (target.authority, target.resource));
        assert_eq!(of("GET", "/a?b"), Ok((None, "/a?b")));
        assert_eq!(of("GET", "http://h:8/a?b"), Ok((Some("h:8"), "/a?b")));
        assert_eq!(of("GET", "HTTP://[::1]:8/a"), Ok((Some("[::1]:8"), "/a")));
        assert_eq!((of("GET", "http://h"), of("GET", "http://h?x")), (Ok((Some("h"), "/")), Ok((Some("h"), "/"))));
        assert_eq!(of("OPTIONS", "*"), Ok((None, "*")));
        assert_eq!(of("CONNECT", "h:443"), Ok((Some("h:443"), "/")));
        for text in ["*", "a/b", "ftp://h/a", "http:///a", "http://u@h/a", "/a#b", "/%4", "/%zz", "/%", "h:443"] {
            assert!(of("GET", text).is_err(), "{text}");
        }
        assert!(of("GET", "/a?x=%zz").is_ok(), "a query is read by who asks for it");
    }
}

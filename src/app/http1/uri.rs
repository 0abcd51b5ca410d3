//! URIs as a client makes them: of a request, and of a reference in a message (RFC 3986, RFC 9110 4.2).

use super::head::HeadRef;

/// The target URI of a request (RFC 9112 3.3), of `http`, without the port 80 and with the host in lower case.
pub fn of_request(head: HeadRef<'_>) -> Option<String> {
    let target = String::from_utf8_lossy(head.target()?).into_owned();
    if is_absolute(&target) {
        return Some(normal(&target));
    }
    let host = head.host().unwrap_or_default();
    let host = String::from_utf8_lossy(&host).to_ascii_lowercase();
    Some(format!("http://{}{target}", host.strip_suffix(":80").unwrap_or(&host)))
}

/// What a reference leads to, without its fragment, from the absolute URI `base` (RFC 3986 5.2).
pub fn resolve(base: &str, reference: &str) -> String {
    let reference = reference.split('#').next().unwrap_or_default();
    if is_absolute(reference) {
        return normal(reference);
    }
    let (scheme, rest) = base.split_once("://").unwrap_or_default();
    if let Some(rest) = reference.strip_prefix("//") {
        return normal(&format!("{scheme}://{rest}"));
    }
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let path = rest[authority.len()..].split('?').next().unwrap_or_default();
    let resolved = match reference {
        _ if reference.starts_with('/') => without_dots(reference),
        "" => rest[authority.len()..].to_owned(),
        _ if reference.starts_with('?') => format!("{path}{reference}"),
        _ => {
            let folder = path.rfind('/').map_or("/", |slash| &path[..=slash]);
            without_dots(&format!("{folder}{reference}"))
        }
    };
    format!("{scheme}://{authority}{resolved}")
}

/// The host of an absolute URI, without its port; of an IPv6 address, without brackets.
pub fn host(uri: &str) -> Option<&str> {
    let authority = uri.split_once("://")?.1.split(['/', '?']).next()?;
    if let Some(address) = authority.strip_prefix('[') {
        return address.split(']').next();
    }
    authority.split(':').next().filter(|host| !host.is_empty())
}

/// Scheme and authority of an absolute URI that has a path.
pub fn origin(uri: &str) -> Option<&str> {
    let authority = uri.find("://")? + 3;
    let end = uri[authority..].find('/')?;
    Some(&uri[..authority + end])
}

/// Whether it begins with a scheme and an authority.
pub fn is_absolute(uri: &str) -> bool {
    let is_scheme =
        |scheme: &str| scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && !scheme.contains(['/', '?']);
    uri.split_once("://").is_some_and(|(scheme, _)| is_scheme(scheme))
}

/// Scheme and host in lower case, no default port, a path (RFC 9110 4.2.3).
pub fn normal(uri: &str) -> String {
    let Some((scheme, rest)) = uri.split_once("://") else { return uri.to_owned() };
    let authority = rest.split(['/', '?']).next().unwrap_or_default();
    let path = &rest[authority.len()..];
    let scheme = scheme.to_ascii_lowercase();
    let host = authority.to_ascii_lowercase();
    let port = if scheme == "https" { ":443" } else { ":80" };
    let slash = if path.starts_with('/') { "" } else { "/" };
    format!("{scheme}://{}{slash}{path}", host.strip_suffix(port).unwrap_or(&host))
}

/// A path without `.` and `..` (RFC 3986 5.2.4); what follows `?` stays.
fn without_dots(path: &str) -> String {
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    let mut parts: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment {
            "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(segment),
        }
        if is_last && matches!(segment, "." | "..") {
            parts.push("");
        }
    }
    format!("/{}{query}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lose_their_dots() {
        for (path, without) in [
            ("/a/./b/../c", "/a/c"),
            ("/..", "/"),
            ("/a/..", "/"),
            ("/a/.", "/a/"),
            ("/a?x=/../y", "/a?x=/../y"),
            ("/", "/"),
        ] {
            assert_eq!(without_dots(path), without);
        }
    }

    #[test]
    fn uris_are_compared_in_their_normal_form() {
        assert_eq!(normal("HTTP://Host:80"), "http://host/");
        assert_eq!(normal("https://h:443/a?b"), "https://h/a?b");
        assert!(is_absolute("http://h") && !is_absolute("/a?u=http://h") && !is_absolute("x"));
    }

    #[test]
    fn parts_of_uris() {
        assert_eq!(host("http://h:81/x"), Some("h"));
        assert_eq!(host("http://[::1]:81/x"), Some("::1"));
        assert_eq!(host(""), None);
        assert_eq!(origin("http://h:81/x/y"), Some("http://h:81"));
    }

    #[test]
    fn references_lead_somewhere() {
        for (reference, uri) in [
            ("b.png", "http://h/a/b.png"),
            ("../b", "http://h/b"),
            ("/b#c", "http://h/b"),
            ("//I/b", "http://i/b"),
            ("?q", "http://h/a/x?q"),
            ("", "http://h/a/x?y"),
            ("https://I:443", "https://i/"),
        ] {
            assert_eq!(resolve("http://h/a/x?y", reference), uri, "{reference}");
        }
    }
}

//! Names of files made from what a capture says: ASCII, of bounded length, and safe on any file system.
//!
//! A name begins with the numbers of its message, so that no two of a capture are alike, also where case does not count,
//! and none begins with a dot or a dash, or is one that a system reserves. Nothing in it separates folders.

use crate::print::url::{Url, percent};

/// Bytes of a name at most: below what any file system in use takes (143 where names are encrypted).
pub const MAX_NAME: usize = 120;

/// Bytes of the host's part.
const MAX_HOST: usize = 40;

/// Content codings that a name tells; a field can list any number of them, and the index has them all.
const MAX_CODINGS: usize = 4;

/// Bytes of an extension.
const MAX_EXTENSION: usize = 8;

/// What a name says.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Number of the connection.
    pub stream: u64,
    /// Number of the message within it.
    pub number: u32,
    /// Where the request went.
    pub url: Url<'a>,
    /// Content-Type.
    pub media_type: Option<&'a [u8]>,
    /// The content codings that the file still has, the last one first.
    pub coded: &'a [&'static str],
    /// Whether all bytes of the body are in the file.
    pub is_whole: bool,
}

/// The name of the file.
pub fn file_name(subject: &Subject<'_>) -> String {
    let mut name = format!("{}.{}", subject.stream, subject.number);
    let mut host = escaped(subject.url.authority, |byte| byte == b':');
    host = host.replace("%5B", "").replace("%5D", "");
    host.truncate(whole_escapes(&host, host.len().min(MAX_HOST)));
    if !host.is_empty() {
        name.push('-');
        name.push_str(&host);
    }
    let path = escaped(subject.url.path, |byte| byte == b'/');
    let (stem, extension) = with_extension(path.trim_matches('_'), subject.media_type);
    let mut end = if subject.is_whole { String::new() } else { ".incomplete".to_owned() };
    end.push('.');
    end.push_str(&extension);
    subject.coded.iter().take(MAX_CODINGS).for_each(|coding| end.push_str(coding));
    let room = MAX_NAME.saturating_sub(name.len() + end.len() + 1);
    let stem = tail(&stem, room);
    if !stem.is_empty() {
        name.push('_');
        name.push_str(stem);
    }
    name + &end
}

/// The same name for another file, where the first one is taken: the `count`th, from 2. It stands after the numbers of the
/// message, or before the extension.
pub fn another(name: &str, count: u32) -> String {
    let digits = |from: usize| from + name[from..].bytes().take_while(u8::is_ascii_digit).count();
    let at = match digits(0) {
        0 => name.find('.').unwrap_or(name.len()),
        stream => digits((stream + 1).min(name.len())),
    };
    format!("{}~{count}{}", &name[..at], &name[at..])
}

/// Letters, digits, dashes, underscores and escapes as they are, single dots between them too; `separates` tells what
/// becomes an underscore.
fn escaped(bytes: &[u8], separates: impl Fn(u8) -> bool) -> String {
    let hex = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_hexdigit);
    let word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let mut text = String::with_capacity(bytes.len());
    for (at, &byte) in bytes.iter().enumerate() {
        match byte {
            _ if separates(byte) => text.push('_'),
            b'%' if hex(at + 1) && hex(at + 2) => text.push('%'),
            b'.' if word(bytes.get(at + 1)) && at > 0 && bytes.get(at - 1).is_some_and(|&byte| !separates(byte)) => {
                text.push('.');
            }
            b'-' | b'_' => text.push(byte.into()),
            _ if byte.is_ascii_alphanumeric() => text.push(byte.into()),
            _ => percent(&mut text, byte),
        }
        // What is left is cut anyway; of a path it is the end that counts.
        if text.len() > 64 << 10 {
            break;
        }
    }
    text
}

/// The end of a text that has `room` bytes at most, with no part of an escape.
fn tail(text: &str, room: usize) -> &str {
    let mut from = text.len().saturating_sub(room);
    let cut = (1..=2).find(|back| from >= *back && text.as_bytes().get(from - back) == Some(&b'%'));
    from = (from + cut.map_or(0, |back| 3 - back)).min(text.len());
    text[from..].trim_start_matches(['.', '-'])
}

/// Where `text` can be cut at `at` or before without cutting an escape.
fn whole_escapes(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (1..=2).find(|back| at >= *back && text.as_bytes().get(at - back) == Some(&b'%')).map_or(at, |back| at - back)
}

/// The name without its extension, and the extension that goes with the type.
fn with_extension(path: &str, media_type: Option<&[u8]>) -> (String, String) {
    let last = path.rsplit('_').next().unwrap_or_default();
    let own = last
        .rsplit_once('.')
        .map(|(_, own)| own)
        .filter(|own| (1..=MAX_EXTENSION).contains(&own.len()) && own.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    let of_type = media_type.map(essence).and_then(|essence| extensions(&essence));
    match (own, of_type) {
        (Some(own), Some(of_type)) if !fits(own, of_type) => (path.to_owned(), of_type[0].to_owned()),
        (Some(own), _) => (path[..path.len() - own.len() - 1].to_owned(), own.to_ascii_lowercase()),
        (None, of_type) => (path.to_owned(), of_type.map_or("bin", |of_type| of_type[0]).to_owned()),
    }
}

fn fits(own: &str, of_type: &[&str]) -> bool {
    // Source code and the like is sent as text.
    of_type[0] == "txt" || of_type.iter().any(|known| own.eq_ignore_ascii_case(known))
}

/// Type and subtype, in lower case.
fn essence(media_type: &[u8]) -> Vec<u8> {
    let end = memchr::memchr(b';', media_type).unwrap_or(media_type.len());
    media_type[..end].trim_ascii().to_ascii_lowercase()
}

/// Extensions of files of a type, the usual one first.
fn extensions(essence: &[u8]) -> Option<&'static [&'static str]> {
    Some(match essence {
        b"text/plain" => &["txt"],
        b"text/html" => &["html", "htm"],
        b"application/xhtml+xml" => &["xhtml", "html"],
        b"text/css" => &["css"],
        b"text/csv" => &["csv"],
        b"text/markdown" => &["md"],
        b"text/xml" | b"application/xml" => &["xml", "xsl", "rss", "svg"],
        b"text/javascript" | b"application/javascript" | b"application/x-javascript" => &["js", "mjs"],
        b"application/json" | b"application/ld+json" | b"application/problem+json" => &["json", "map"],
        b"application/wasm" => &["wasm"],
        b"application/pdf" => &["pdf"],
        b"application/zip" => &["zip", "jar", "docx", "xlsx", "pptx"],
        b"application/gzip" | b"application/x-gzip" => &["gz", "tgz"],
        b"application/x-tar" => &["tar"],
        b"application/x-www-form-urlencoded" => &["form"],
        b"multipart/form-data" => &["multipart"],
        b"application/dns-message" => &["dns"],
        b"application/ocsp-request" => &["ocsp"],
        b"application/ocsp-response" => &["ocsp"],
        b"image/png" => &["png"],
        b"image/jpeg" => &["jpg", "jpeg"],
        b"image/gif" => &["gif"],
        b"image/webp" => &["webp"],
        b"image/avif" => &["avif"],
        b"image/svg+xml" => &["svg"],
        b"image/x-icon" | b"image/vnd.microsoft.icon" => &["ico"],
        b"image/bmp" => &["bmp"],
        b"audio/mpeg" => &["mp3"],
        b"audio/ogg" => &["ogg", "oga"],
        b"video/mp4" => &["mp4", "m4v"],
        b"video/webm" => &["webm"],
        b"video/mp2t" => &["ts"],
        b"font/woff" => &["woff"],
        b"font/woff2" => &["woff2"],
        b"font/ttf" => &["ttf"],
        b"font/otf" => &["otf"],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(host: &str, target: &str, media_type: &str) -> String {
        let media_type = Some(media_type).filter(|text| !text.is_empty()).map(str::as_bytes);
        let url = Url::new(target.as_bytes(), Some(host.as_bytes()));
        file_name(&Subject { stream: 3, number: 2, url, media_type, coded: &[], is_whole: true })
    }

    #[test]
    fn a_name_says_host_path_and_type() {
        for (host, target, media_type, expected) in [
            ("www.example.test", "/a/b.html?c", "text/html; charset=utf-8", "3.2-www.example.test_a_b.html"),
            ("h:8080", "/", "text/html", "3.2-h_8080.html"),
            ("h", "/index.php", "text/html", "3.2-h_index.php.html"),
            ("h", "/src/main.py", "Text/Plain", "3.2-h_src_main.py"),
            ("h", "/data", "", "3.2-h_data.bin"),
            ("h", "/Photo.JPG", "image/jpeg", "3.2-h_Photo.jpg"),
            ("[2001:db8::1]:80", "/x.png", "image/png", "3.2-2001_db8__1_80_x.png"),
            ("", "/a%20b.txt", "", "3.2_a%20b.txt"),
            ("h", "/a.tar.gz", "application/gzip", "3.2-h_a.tar.gz"),
        ] {
            assert_eq!(name(host, target, media_type), expected);
        }
        let url = Url::new(b"/a.js", Some(b"h"));
        let cut = Subject { stream: 0, number: 1, url, media_type: None, coded: &[".gz"], is_whole: false };
        assert_eq!(file_name(&cut), "0.1-h_a.incomplete.js.gz");
        assert_eq!(another("0.1-h.x_a.incomplete.js.gz", 2), "0.1~2-h.x_a.incomplete.js.gz");
        assert_eq!(another("10.12.html", 2), "10.12~2.html");
        assert_eq!(another("index.jsonl", 3), "index~3.jsonl");
    }

    #[test]
    fn hostile_names() {
        for (host, target, expected) in [
            ("h", "/../../etc/passwd", "3.2-h_%2E%2E_%2E%2E_etc_passwd.bin"),
            ("..", "/x", "3.2-%2E%2E_x.bin"),
            ("-rf", "/-rf", "3.2--rf_rf.bin"),
            ("h", "/con.txt", "3.2-h_con.txt"),
            ("h", "/a\u{202e}gpj.exe", "3.2-h_a%E2%80%AEgpj.exe"),
            ("h", "/\u{430}dmin", "3.2-h_%D0%B0dmin.bin"),
            ("h", "/a. ", "3.2-h_a%2E%20.bin"),
            ("h", "/a\\..\\b\0\x1b[2J", "3.2-h_a%5C%2E%2E%5Cb%00%1B%5B2J.bin"),
            ("h", "/..%2f..%2fx", "3.2-h_%2E%2E%2f%2E%2E%2fx.bin"),
            ("h", "/a;rm -rf ~;$(x)&", "3.2-h_a%3Brm%20-rf%20%7E%3B%24%28x%29%26.bin"),
            ("h", "/%", "3.2-h_%25.bin"),
        ] {
            assert_eq!(name(host, target, ""), expected);
        }
    }

    proptest! {
        #[test]
        fn any_name_is_safe(
            host in proptest::collection::vec(any::<u8>(), 0..300),
            path in proptest::collection::vec(prop_oneof![any::<u8>(), Just(b'.'), Just(b'/'), Just(b'%')], 0..300),
            media_type in proptest::collection::vec(any::<u8>(), 0..40),
            codings in 0_usize..100,
            is_whole: bool,
        ) {
            let url = Url { scheme: b"http", authority: &host, path: &path, query: None };
            let coded = [".br", ".gz", ".zst"].repeat(codings);
            let name = file_name(&Subject {
                stream: u64::MAX, number: u32::MAX, url, media_type: Some(&media_type), coded: &coded, is_whole,
            });
            prop_assert!(name.len() <= MAX_NAME, "{name}");
            prop_assert!(name.starts_with("18446744073709551615.4294967295"));
            prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.%".contains(&byte)), "{name}");
            prop_assert!(!name.contains("..") && !name.ends_with('.'), "{name}");
            prop_assert!(another(&name, 999).len() <= MAX_NAME + 4);
        }
    }
}

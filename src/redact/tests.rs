//! What is found in heads, targets and content; and that pieces of any size hide as much as a whole.

use super::*;

fn masked(text: &str, find: impl FnOnce(&[u8], Found<'_>)) -> String {
    let mut bytes = text.as_bytes().to_vec();
    mask(&mut bytes, find);
    String::from_utf8(bytes).unwrap()
}

#[test]
fn fields_are_masked_by_their_names() {
    for (line, expected) in [
        ("Authorization: Basic dXNlcg==", "Authorization: Basic ********"),
        ("authorization : bearer abc def", "authorization : bearer *******"),
        ("Proxy-Authorization: abc", "Proxy-Authorization: ***"),
        ("Authorization: abc def", "Authorization: *******"),
        ("Authorization Bearer abc", "Authorization **********"),
        ("Authorization: Basic\r\n abc", "Authorization: *****\r\n ***"),
        ("Cookie: a=b; c=d=e;f;\tg=", "Cookie: a=*; c=***;*;\tg="),
        ("Cookie: abc", "Cookie: ***"),
        ("Cookie: =abc", "Cookie: =***"),
        ("Set-Cookie: a=bc; Path=/x; Secure", "Set-Cookie: a=**; Path=/x; Secure"),
        (
            "Set-Cookie: a=b; Expires=Wed, 21 Oct 2015 07:28:00 GMT, c=d; HttpOnly",
            "Set-Cookie: a=*; Expires=Wed, 21 Oct 2015 07:28:00 GMT, c=*; HttpOnly",
        ),
        ("Set-Cookie: abc; other=d; ef", "Set-Cookie: ***; other=*; **"),
        ("X-Api-Key: abc", "X-Api-Key: ***"),
        ("X-Auth-Token:abc", "X-Auth-Token:***"),
        ("Sec-WebSocket-Key: abc", "Sec-WebSocket-Key: abc"),
        ("Cookie;a=b", "Cookie;***"),
        ("Content-MD5: abc", "Content-MD5: ***"),
        ("Host: example.test", "Host: example.test"),
        ("Location: http://h/?code=abc&x=1", "Location: http://h/?code=***&x=1"),
        ("Referer: https://u:p@h/a?token=b#c", "Referer: https://***@h/a?token=*#c"),
        ("Link: <http://u:p@s@h/>; rel=next", "Link: <http://*****@h/>; rel=next"),
    ] {
        assert_eq!(masked(&format!("{line}\n"), trailer), format!("{expected}\n"));
        assert_eq!(masked(&format!("{line}\r\nA: b\r\n\r\n"), trailer), format!("{expected}\r\nA: b\r\n\r\n"));
        let head = masked(&format!("\r\nGET / HTTP/1.1\r\n{line}\r\n\r\n"), head);
        assert_eq!(head, format!("\r\nGET / HTTP/1.1\r\n{expected}\r\n\r\n"));
    }
}

#[test]
fn targets_are_masked_by_the_names_of_parameters() {
    for (url, expected) in [
        ("/a?token=abc&b=c", "/a?token=***&b=c"),
        ("/a?b=c&Access_Token=abc#d", "/a?b=c&Access_Token=***#d"),
        ("/a?pass%77ord=abc", "/a?pass%77ord=***"),
        ("/a?user%5Bpassword%5D=abc", "/a?user%5Bpassword%5D=***"),
        ("/a?next=%2Fb%3Ftoken%3Dabc", "/a?next=%2Fb%3Ftoken%3D***"),
        ("/a?password=b'c;d\"e", "/a?password=*******"),
        ("/a;jsessionid=abc", "/a;jsessionid=***"),
        ("u:p@h:80", "***@h:80"),
        ("http://user@h/", "http://****@h/"),
        ("http://h:80/a@b", "http://h:80/a@b"),
        ("/keys?keyboard=a&monkey=b&key=c", "/keys?keyboard=a&monkey=b&key=*"),
        ("/a?token=", "/a?token="),
        ("/<token>a<b&c=d", "/<token>***&c=d"),
        ("/a?x=1&sig=a%26b&y=2", "/a?x=1&sig=*****&y=2"),
    ] {
        assert_eq!(masked(url, target), expected);
        let line = format!("GET {url} HTTP/1.1\r\nA: b\r\n\r\n");
        assert_eq!(masked(&line, head), format!("GET {expected} HTTP/1.1\r\nA: b\r\n\r\n"));
    }
    assert_eq!(masked("u:p@h:80", authority), "***@h:80");
    assert_eq!(masked("GET /?token=a b HTTP/1.1\r\n", head), "GET /?token=*** HTTP/1.1\r\n");
}

#[test]
fn what_is_named_by_a_tag_or_as_a_value_is_masked() {
    let text = |bytes: &[u8], found: Found<'_>| content(&Media::Text, bytes, found);
    for (content, expected) in [
        ("<w:Password Type=\"http://x/#T\">abc</w:Password>d", "<w:Password Type=\"http://x/#T\">***</w:Password>d"),
        ("<Token/>abc<b>c</b>", "<Token/>abc<b>c</b>"),
        ("<Token a=\"b\" />abc", "<Token a=\"b\" />abc"),
        ("<token><![CDATA[a]]></token>b", "<token>*************</token>b"),
        ("<token>a<![CDATA[<b>c]]]>d</token>e", "<token>*******************</token>e"),
        ("<token><![CDATA[a</token>b", "<token>*******************"),
        ("<token>a<!-- b --></token>c", "<token>*<!-- b --></token>c"),
        (
            r#"{"name":"pin","value":"abc"},{"name":"a","value":"b"}"#,
            r#"{"name":"pin","value":"***"},{"name":"a","value":"b"}"#,
        ),
        (r#"{"key":"pin","value":"abc"}"#, r#"{"key":"***","value":"***"}"#),
        (r#"{"pin":"a","value":"b"}"#, r#"{"pin":"*","value":"b"}"#),
        (r#"<input name="csrf" value="a"><b content="c">"#, r#"<input name="csrf" value="*"><b content="c">"#),
        (r#"<meta name="csrf-token" content="abc">"#, r#"<meta name="csrf-token" content="***">"#),
    ] {
        assert_eq!(masked(content, text), expected);
    }
}

#[test]
fn forms_keep_names_alone() {
    let form = |bytes: &[u8], found: Found<'_>| content(&Media::Form, bytes, found);
    for (text, expected) in [("a=b&c=d&e=&f", "a=*&c=*&e=&*"), ("secret", "******"), ("a=b=c&", "a=***&")] {
        assert_eq!(masked(text, form), expected);
    }
    let media = Media::of(Some(b"multipart/form-data; boundary=\"xy\""), false);
    let text = "--xy\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\nab--xy\r\n--xz\r\n--xy--\r\nend";
    let expected = "--xy\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n******\r\n****\r\n--xy--\r\n***";
    assert_eq!(masked(text, |bytes, found| content(&media, bytes, found)), expected);
    assert_eq!(Media::of(Some(b"multipart/form-data"), false), Media::Opaque);
    assert_eq!(Media::of(Some(b"Application/X-WWW-Form-Urlencoded ; a=b"), false), Media::Form);
}

#[test]
fn content_is_masked_by_the_names_in_it() {
    let text = |bytes: &[u8], found: Found<'_>| content(&Media::Text, bytes, found);
    for (json, expected) in [
        (r#"{"user": "a", "password": "b\"c", "n": 1}"#, r#"{"user": "a", "password": "****", "n": 1}"#),
        (r#"{"pin":1234,"code":200}"#, r#"{"pin":****,"code":200}"#),
        (r#"{"token":{"a":["}"]},"b":1}"#, r#"{"token":{*********},"b":1}"#),
        (r#"{"pass\u0077ord":"abc"}"#, r#"{"pass\u0077ord":"***"}"#),
        (r#"{"a":"{\"token\":\"bc\",\"d\":1}"}"#, r#"{"a":"{\"token\":\"***\"d\":1}"}"#),
        (r#"<a href="/?token=abc">x</a>"#, r#"<a href="/?token=***">x</a>"#),
        ("<password>abc</password>", "<password>***</password>"),
        ("token = abc\nb", "token = ***\nb"),
        ("Password: a b\nc", "Password: ***\nc"),
        ("the key to all", "the key to all"),
        ("see http://u:p@h/", "see http://***@h/"),
    ] {
        let shown = masked(json, text);
        if json.contains(r#"\"token"#) {
            assert!(shown.contains(r#"\"token\":\"**"#) && !shown.contains("bc"), "{shown}");
        } else {
            assert_eq!(shown, expected);
        }
    }
}

/// What is shown of a text that comes in pieces is never more than what is shown of it as a whole, wherever it is cut.
#[test]
fn pieces_show_no_more_than_the_whole() {
    type Feed = Box<dyn FnMut(&[u8], Found<'_>)>;
    type New = fn() -> Feed;
    let scanners: [(&str, New); 6] = [
        (
            "GET http://u:p@h/?a=b&token=c%20d HTTP/1.1\r\nAuthorization: Digest a=b\r\n c\r\nCookie: a=b; c\r\n\
          Set-Cookie: d=e; Path=/; f=g, h=i\r\nReferer: http://q:r@h/\r\nX-Api-Key : t\r\n\r\n",
            || {
                let mut scanner = HeadScanner::default();
                Box::new(move |bytes, found| scanner.feed(bytes, found))
            },
        ),
        ("a=b&cd=e=f&g", || body(Media::Form)),
        ("x\r\n--b\r\nA: b\r\nX-Token: c\r\n\r\nd\r\n--b\r\n\r\n--c\r\n--b--\r\ne", || {
            body(Media::Multipart(b"b".to_vec()))
        }),
        (r#"{"pass\u0077ord" : "a\"b", "token":[{"c":"]"}], "pin":12} http://u:p@h@i/ <key>a</key>"#, || {
            body(Media::Text)
        }),
        ("<token>a<![CDATA[b<c>]]></token>d<pin>e<f", || body(Media::Text)),
        ("secret=\\\"a\\\" &token:x", || body(Media::Text)),
    ];
    fn body(media: Media) -> Feed {
        let mut body = Body::new(&media);
        Box::new(move |bytes, found| body.feed(bytes, found))
    }
    for (text, new) in scanners {
        let mut whole = text.as_bytes().to_vec();
        mask(&mut whole, new());
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let mut feed = new();
                let mut pieces = text.as_bytes().to_vec();
                let (a, rest) = pieces.split_at_mut(first);
                let (b, c) = rest.split_at_mut(second - first);
                for piece in [a, b, c] {
                    mask(piece, &mut feed);
                }
                let shows_more = pieces.iter().zip(&whole).position(|(piece, whole)| *whole == MASK && *piece != MASK);
                assert!(shows_more.is_none(), "{first} {second}: {}", String::from_utf8_lossy(&pieces));
            }
        }
    }
}

#[test]
fn after_a_gap_what_may_be_secret_is_hidden() {
    for media in [Media::Form, Media::Text, Media::Multipart(b"b".to_vec())] {
        let mut body = Body::new(&media);
        let mut bytes = *b"abc";
        body.feed(b"pass", &mut |_, _| {});
        body.gap();
        mask(&mut bytes, |bytes, found| body.feed(bytes, found));
        assert_eq!(&bytes, b"***", "{media:?}");
    }
}

#[test]
fn time_is_linear() {
    let texts: [Vec<u8>; 6] = [
        b"//".repeat(1 << 20),
        b"Cookie: a".repeat(1 << 18),
        [b"Cookie: ".to_vec(), b"a;".repeat(1 << 20)].concat(),
        [b"Cookie: ".to_vec(), b"a".repeat(1 << 21)].concat(),
        b"a".repeat(1 << 21),
        b"--b".repeat(1 << 19),
    ];
    let start = std::time::Instant::now();
    for text in &texts {
        let mut found = 0;
        head(text, &mut |_, range| found += range.len());
        for media in [Media::Form, Media::Text, Media::Multipart(b"b".to_vec())] {
            content(&media, text, &mut |_, range| found += range.len());
        }
        assert!(found > 0);
    }
    assert!(start.elapsed() < std::time::Duration::from_secs(30), "{:?}", start.elapsed());
}

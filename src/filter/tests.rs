use std::collections::BTreeMap;

use super::*;
use crate::field::{Kind, Value};

/// A record of any fields, each with its values by layer.
#[derive(Default)]
struct Toy(BTreeMap<&'static str, (Vec<Item<'static>>, Option<Coverage>)>);

const NAMES: [(&str, Type); 13] = [
    ("port", Type::Of(Kind::Uint)),
    ("src", Type::Of(Kind::Ipv4)),
    ("src6", Type::Of(Kind::Ipv6)),
    ("mac", Type::Of(Kind::Mac)),
    ("host", Type::Of(Kind::Text)),
    ("uri", Type::Of(Kind::Text)),
    ("data", Type::Of(Kind::Bytes)),
    ("syn", Type::Of(Kind::Bool)),
    ("factor", Type::Of(Kind::Int)),
    ("delta", Type::Of(Kind::Duration)),
    ("time", Type::Of(Kind::Time)),
    ("proto", Type::Protocol),
    ("flag", Type::Label),
];

struct Toys;

impl Names for Toys {
    fn resolve(&self, name: &str) -> Option<Name> {
        let index = NAMES.iter().position(|(known, _)| *known == name)?;
        let id = FieldId { scope: 0, index: index as u16 };
        Some(Name { id, kind: NAMES[index].1, searched: None })
    }

    fn most(&self, name: &str) -> Option<u64> {
        (name == "port").then_some(65535)
    }

    fn each(&self, put: &mut dyn FnMut(&str)) {
        NAMES.iter().for_each(|(name, _)| put(name));
    }
}

impl Record for Toy {
    fn values(&self, field: FieldId, put: &mut dyn FnMut(Item<'_>)) -> Coverage {
        let Some((items, coverage)) = self.0.get(NAMES[usize::from(field.index)].0) else { return Coverage::Complete };
        items.iter().for_each(|item| put(*item));
        coverage.unwrap_or(Coverage::Complete)
    }
}

impl Toy {
    fn with(mut self, name: &'static str, values: &[Value<'static>]) -> Self {
        let items = values.iter().zip(1..).map(|(&value, layer)| Item { value, layer }).collect();
        self.0.entry(name).or_default().0 = items;
        self
    }

    fn incomplete(mut self, name: &'static str) -> Self {
        self.0.entry(name).or_default().1 = Some(Coverage::Incomplete);
        self
    }
}

/// A segment from 10.0.0.1 port 5000 to port 80.
fn segment() -> Toy {
    Toy::default()
        .with("port", &[Value::Uint(5000), Value::Uint(80)])
        .with("src", &[Value::Ipv4([10, 0, 0, 1]), Value::Ipv4([192, 168, 0, 9])])
        .with("src6", &[Value::Ipv6([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])])
        .with("mac", &[Value::Mac([0, 0x11, 0x22, 0x33, 0x44, 0x55])])
        .with("host", &[Value::Text(b"Example.COM")])
        .with("data", &[Value::Bytes(b"GET / HTTP/1.1\r\n")])
        .with("syn", &[Value::Bool(false)])
        .with("factor", &[Value::Int(-2)])
        .with("delta", &[Value::Duration(1_500_000_000)])
        .with("proto", &[Value::Bytes(b"GET")])
        .with("flag", &[Value::Bool(true)])
}

fn decide(text: &str, record: &Toy) -> Decision {
    compile(text, &Toys).unwrap_or_else(|mistake| panic!("{}", mistake.render(text))).decide(record)
}

fn check(record: &Toy, cases: &[(&str, bool)]) {
    for (text, holds) in cases {
        assert_eq!(decide(text, record), Decision::from(*holds), "{text}");
    }
}

#[test]
fn repeated_fields_compare_as_in_wireshark() {
    check(
        &segment(),
        &[
            ("port == 80", true),
            ("port eq 80", true),
            ("port != 80", false),
            ("port != 81", true),
            ("port === 80", false),
            ("port !== 80", true),
            ("port ~= 80", true),
            ("port any_ne 81", true),
            ("port all_ne 80", false),
            ("all port >= 80", true),
            ("all port > 80", false),
            ("any port != 80", true),
            ("all port == 80", false),
            ("not port == 80", false),
            ("uri == \"x\"", false),
            ("uri != \"x\"", false),
            ("!(uri == \"x\")", true),
            ("all uri == \"x\"", false),
            ("port < port < port", true),
            ("port in {1..79, 81, 80}", true),
            ("port in {81 82}", false),
            ("port not in {80}", false),
            ("port not in {1..79}", true),
            ("uri not in {\"x\"}", true),
            ("all port in {80, 5000}", true),
            ("port in {port}", true),
            ("port in {1..port}", true),
            ("port in {-1..90}", true),
        ],
    );
}

#[test]
fn values_have_many_forms() {
    check(
        &segment(),
        &[
            ("port == 0x50", true),
            ("port == 0b1010000", true),
            ("port == 0120", true),
            ("port == 'P'", true),
            ("src == 10.0.0.0/8", true),
            ("src == 11.0.0.0/8", false),
            ("src in {10.0.0.0..10.0.0.9}", true),
            ("src > 192.168.0.0", true),
            ("src6 == fe80::/10", true),
            ("src6 == fe80::1", true),
            ("mac == 00:11:22:33:44:55", true),
            ("mac == 00-11-22-33-44-55", true),
            ("mac == 0011.2233.4455", true),
            ("mac[0:3] == 00:11:22", true),
            ("mac[1-2] == 11:22", true),
            ("mac[:2] == 00:11", true),
            ("mac[-1] == 55", true),
            ("mac[0,5] == 00:55", true),
            ("mac[3:] == 33:44:55", true),
            ("mac[5:2]", false),
            ("mac[5]", true),
            ("src[0] == 0a", true),
            ("host[0:2] == \"Ex\"", true),
            ("data[0:3] == \"GET\"", true),
            ("data[0:3] == 47:45:54", true),
            ("data[0:5][4] == \"/\"", true),
            ("factor == -2", true),
            ("factor < -1", true),
            ("delta == 1.5", true),
            ("delta in {1..2}", true),
            ("syn == 0", true),
            ("syn == False", true),
            ("syn == true", false),
            ("syn", true),
        ],
    );
}

#[test]
fn text_is_searched() {
    check(
        &segment(),
        &[
            ("host == \"Example.COM\"", true),
            ("host == Example.COM", true),
            ("host contains \"ple\"", true),
            ("host contains \"PLE\"", false),
            ("host contains \"\"", false),
            ("host matches \"^example\"", true),
            ("host ~ \"(?-i)^example\"", false),
            ("data matches \"1\\\\.1\\r$\"", true),
            ("data matches r\"http/\\d\"", true),
            ("data contains 48:54:54:50", true),
            ("mac contains 11:22", true),
            ("proto contains \"E\"", true),
            ("lower(host) == \"example.com\"", true),
            ("upper(host) contains \"EXAMPLE\"", true),
            ("len(host) == 11", true),
            ("len(src) == 4", true),
            ("string(port) matches \"^8\"", true),
            ("string(src) contains \".168.\"", true),
            ("upper(lower(host)) == \"EXAMPLE.COM\"", true),
            ("host matches \"\\xff\"", false),
            ("host matches \"[é]\"", false),
        ],
    );
}

#[test]
fn numbers_are_calculated_with() {
    check(
        &segment(),
        &[
            ("port + 1 == 81", true),
            ("port - 1 == 79", true),
            ("port -1 == 79", true),
            ("port * 2 == 160", true),
            ("port / 2 == 40", true),
            ("port % 3 == 2", true),
            ("port / 0 == 0", false),
            ("port % 0", false),
            ("port & 0x10", true),
            ("port & 0x50 == 0x50", true),
            ("4 * {port + 3} == 332", true),
            ("-port == -80", true),
            ("factor + 2", false),
            ("delta + 0.5 == 2", true),
            ("-delta < 0", true),
            ("mac[0:2] & 00:01", true),
            ("mac[0:2] & ff:00", false),
            ("src & 255.0.0.0 == 10.0.0.0", true),
            ("port == 40 + 40", true),
            ("max(port) == 5000", true),
            ("min(port, 7) == 7", true),
            ("abs(factor) == 2", true),
            ("count(port) == 2", true),
            ("count(uri) == 0", false),
            ("port * 18446744073709551615 > 0", false),
        ],
    );
}

#[test]
fn layers_are_counted_from_the_outermost() {
    check(
        &segment(),
        &[
            ("src#1 == 10.0.0.1", true),
            ("src#2 == 10.0.0.1", false),
            ("src#2", true),
            ("src#3", false),
            ("src#[1-2] == 192.168.0.9", true),
            ("src#[-1] == 192.168.0.9", true),
            ("src#[2:] == 10.0.0.1", false),
            ("src #1 == 10.0.0.1", true),
        ],
    );
}

#[test]
fn logic_binds_as_in_wireshark() {
    let segment = segment();
    check(
        &segment,
        &[
            ("", true),
            ("  ", true),
            ("flag", true),
            ("uri", false),
            ("!uri", true),
            ("not not uri", false),
            ("flag or uri and uri", true),
            ("(flag or uri) and uri", false),
            ("flag && !uri || uri", true),
            ("flag xor flag", false),
            ("flag ^^ uri", true),
            ("!port == 80", false),
            ("((flag))", true),
            (".flag", true),
        ],
    );
}

#[test]
fn what_is_missing_decides_only_where_it_matters() {
    use Decision::{No, Unknown, Yes};
    let lossy = segment().incomplete("uri").incomplete("port");
    for (text, expected) in [
        ("uri", Unknown),
        ("uri == \"a\"", Unknown),
        ("uri != \"a\"", Unknown),
        ("!uri", Unknown),
        ("port == 80", Yes),
        ("port == 81", Unknown),
        ("port != 80", No),
        ("port != 81", Unknown),
        ("all port > 80", No),
        ("all port > 1", Unknown),
        ("port in {80}", Yes),
        ("port in {81}", Unknown),
        ("src in {10.0.0.1}", Yes),
        ("count(port) == 2", Unknown),
        ("max(port) == 5000", Unknown),
        ("port + 1 == 81", Yes),
        ("port + 1 == 82", Unknown),
        ("uri contains \"a\"", Unknown),
        ("flag or uri", Yes),
        ("flag and uri", Unknown),
        ("uri and !flag", No),
        ("uri xor flag", Unknown),
        ("host == uri", Unknown),
    ] {
        assert_eq!(decide(text, &lossy), expected, "{text}");
    }
}

#[test]
fn mistakes_have_a_place() {
    for (text, place) in [
        ("prt == 80", "prt"),
        ("port == \"a\"", "\"a\""),
        ("port == a", "a"),
        ("port == 80.5", "80.5"),
        ("port == 65536", "65536"),
        ("port == src", "src"),
        ("host == port", "port"),
        ("host > 5", "5"),
        ("src == 10.0.0.0/33", "10.0.0.0/33"),
        ("src == 10.0.0.0/255.0.0.0", "10.0.0.0/255.0.0.0"),
        ("src contains 0a", "src"),
        ("port matches \"8\"", "port"),
        ("host matches host", "host"),
        ("host matches \"[\"", "\"[\""),
        ("host matches \"(a{1000}){1000}\"", "\"(a{1000}){1000}\""),
        ("host matches \"(?=a)\"", "\"(?=a)\""),
        ("80 == port", "80"),
        ("\"a\"", "\"a\""),
        ("flag == 1", "flag"),
        ("len(host)", "len(host)"),
        ("len()== 1", "len()"),
        ("len(port) == 1", "port"),
        ("len(\"a\") == 1", "\"a\""),
        ("lower(port) == \"a\"", "port"),
        ("foo(port) == 1", "foo"),
        ("max(src, port) == 1", "port"),
        ("port[0] == 1", "port"),
        ("delta * 2 > 1", "delta"),
        ("time - 1 > 1", "time"),
        ("syn & 1", "syn"),
        ("host == \"a\" host", "host"),
        ("port in 80", "80"),
        ("any flag", ""),
        ("port ==", ""),
        ("(flag", "("),
        ("flag)", ")"),
        ("port in {80", "{"),
        ("port == (80)", "("),
        ("(port) == 80", "=="),
        ("port == 80 and", ""),
        ("and flag", "and"),
    ] {
        let mistake = compile(text, &Toys).unwrap_err();
        assert_eq!(&text[mistake.span.clone()], place, "{text}: {}", mistake.render(text));
    }
}

#[test]
fn the_nearest_names_are_offered() {
    let hint = |text: &str| compile(text, &Toys).unwrap_err().hint.unwrap_or_default();
    assert_eq!(hint("hots == \"a\""), "did you mean host?");
    assert_eq!(hint("PROTO"), "did you mean proto?");
    assert_eq!(hint("portrange"), "a capture filter (BPF) is given without -Y");
    assert!(hint("flag and AND").contains("and"));
    assert_eq!(hint("zzzzzzzzz"), "");
    assert_eq!((hint("port == \"80\""), hint("port == \"a\"")), ("without: 80".into(), String::new()));
}

#[test]
fn hostile_filters_are_refused_or_cheap() {
    let deep = |open: &str, inside: &str, close: &str| open.repeat(60_000 / open.len()) + inside + &close.repeat(2_000);
    for text in [
        deep("(", "flag", ")"),
        deep("{", "port", "}"),
        deep("len(", "host", ")"),
        deep("port+", "port", " == 1"),
        deep("port in {", "1", "}"),
        "x".repeat(70_000),
        "port".to_owned() + &"[0:1]".repeat(1_000),
    ] {
        assert!(compile(&text, &Toys).is_err(), "{}", &text[..20]);
    }
    let long = "flag or ".repeat(8_000) + "flag";
    assert_eq!(decide(&long, &segment()), Decision::Yes);
    assert_eq!(decide(&("!".repeat(60_000) + "flag"), &segment()), Decision::Yes);
    // A sum of sums has no more values than are compared.
    let many: Vec<Value<'static>> = (0..1_000).map(Value::Uint).collect();
    let wide = segment().with("port", &many);
    assert_eq!(decide(&format!("port{} == 0", "+port".repeat(90)), &wide), Decision::Yes);
}

#[test]
fn any_text_is_a_filter_or_a_mistake_that_can_be_shown() {
    let pieces = [
        "port",
        "host",
        "src",
        "flag",
        "==",
        "!=",
        "80",
        "10.0.0.0/8",
        "\"a\"",
        "'a'",
        "(",
        ")",
        "{",
        "}",
        "[0:1]",
        "[",
        "#1",
        "#",
        "in",
        "not",
        "and",
        "or",
        "any",
        "all",
        "contains",
        "matches",
        "..",
        ",",
        "-",
        "+",
        "&",
        "len",
        "max",
        "\\",
        "é",
        "::1",
        "r\"",
        ".",
        ":",
        "/",
        "\0",
        "$",
    ];
    let mut seed = 1_u64;
    for _ in 0..20_000 {
        let mut text = String::new();
        for _ in 0..8 {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            text.push_str(pieces[(seed >> 33) as usize % pieces.len()]);
            if seed >> 40 & 3 != 0 {
                text.push(' ');
            }
        }
        match compile(&text, &Toys) {
            Ok(filter) => drop(filter.evidence(&segment())),
            Err(mistake) => assert!(mistake.render(&text).contains('^')),
        }
    }
}

#[test]
fn evidence_shows_each_test_with_its_values() {
    let filter = compile("not host == \"a\" and len(uri) > 3", &Toys).unwrap();
    let record = segment().incomplete("uri");
    let evidence = filter.evidence(&record);
    let found = |name, values: &[&str], coverage| Found {
        name,
        values: values.iter().map(|value| (*value).to_owned()).collect(),
        more: 0,
        coverage,
    };
    assert_eq!(
        evidence,
        [
            Evidence {
                test: "host == \"a\"",
                negated: true,
                decision: Decision::Yes,
                found: vec![found("host", &["Example.COM"], Coverage::Complete)]
            },
            Evidence {
                test: "len(uri) > 3",
                negated: false,
                decision: Decision::Unknown,
                found: vec![found("uri", &[], Coverage::Incomplete)]
            },
        ]
    );
}

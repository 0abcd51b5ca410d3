use dissect::{
    engine::*,
    event::*,
    print::{json::*, *},
    source::*,
};
use std::io::Write;
struct S {
    p: Json,
    out: Vec<u8>,
}
impl Sink for S {
    fn event(&mut self, e: Event<'_>) {
        self.p.event(e, &mut self.out);
        if self.out.len() > 1 << 16 {
            std::io::stdout().write_all(&self.out).unwrap();
            self.out.clear();
        }
    }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let has = |x: &str| a.iter().any(|y| y == x);
    let mut src = Source::File(Box::new(CaptureFile::open(std::path::Path::new(&a[1])).unwrap()));
    let mut s =
        S { p: Json::new(dissect::print::json::Options { hash: has("--hash"), quiet: has("-q") }), out: vec![] };
    let mut e = Engine::new(dissect::engine::Options {
        packets: has("-P"),
        bodies: has("--hash"),
        details: has("-P"),
        verify_checksums: has("--verify-checksums"),
        ..Default::default()
    });
    loop {
        match src.next_frame() {
            Ok(Some(f)) => e.push(f, &mut s),
            Ok(None) => break,
            Err(x) => {
                eprintln!("{x}");
                break;
            }
        }
    }
    e.finish(&mut s);
    s.p.end(&End { totals: e.totals(), drops: None }, &mut s.out);
    std::io::stdout().write_all(&s.out).unwrap();
}

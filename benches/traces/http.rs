//! HTTP messages as browsers and servers write them, with filler for bodies.

use std::io::Write;

use super::Random;
use super::wire::MSS;

/// Bytes of filler; any run of [`MSS`] may begin at any of them.
const POOL: usize = 1 << 20;

const PATHS: [&str; 8] = ["images", "static/js", "static/css", "articles", "api/v2/items", "media", "fonts", "archive"];
const HOSTS: [&str; 8] = [
    "www.example.com",
    "static.example.com",
    "api.example.net",
    "img.example.net",
    "news.example.org",
    "shop.example.org",
    "cdn.example.edu",
    "download.example.edu",
];
const AGENTS: [&str; 4] = [
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
    "curl/8.5.0",
];
/// File name ending, media type, and whether it is text.
const TYPES: [(&str, &str, bool); 6] = [
    ("html", "text/html; charset=utf-8", true),
    ("jpg", "image/jpeg", false),
    ("js", "text/javascript", true),
    ("png", "image/png", false),
    ("css", "text/css", true),
    ("json", "application/json", true),
];
const WORDS: [&str; 16] = [
    "segment", "window", "header", "stream", "packet", "server", "client", "the", "of", "and", "request", "answer",
    "to", "socket", "in", "buffer",
];

/// Filler for bodies: words and numbers, or bytes of any value; neither compresses to nothing.
pub struct Filler {
    text: Vec<u8>,
    binary: Vec<u8>,
}

impl Filler {
    /// The same for the same random numbers.
    pub fn new(random: &mut Random) -> Self {
        let mut text = Vec::with_capacity(POOL + 64);
        while text.len() < POOL {
            let word = WORDS[random.below(WORDS.len() as u64) as usize];
            let end = if random.once_in(12) { '\n' } else { ' ' };
            let _ = if random.once_in(4) {
                write!(text, "{:x}{end}", random.number() >> 40)
            } else {
                write!(text, "{word}{end}")
            };
        }
        text.truncate(POOL);
        let mut binary: Vec<u8> = Vec::with_capacity(POOL + MSS);
        (0..POOL / 8).for_each(|_| binary.extend(random.number().to_le_bytes()));
        for pool in [&mut text, &mut binary] {
            pool.extend_from_within(..MSS);
        }
        Self { text, binary }
    }

    /// The run at `offset`, at most [`MSS`] bytes.
    pub fn run(&self, is_text: bool, offset: u64, len: usize) -> &[u8] {
        let pool = if is_text { &self.text } else { &self.binary };
        let begin = (offset % POOL as u64) as usize;
        &pool[begin..begin + len]
    }
}

/// A message: literal bytes, then filler.
#[derive(Default)]
pub struct Message {
    literal: Vec<u8>,
    is_text: bool,
    /// Where its filler begins in the pool.
    from: u64,
    /// Length of its filler.
    filler: u64,
}

impl Message {
    /// Its length.
    pub fn len(&self) -> u64 {
        self.literal.len() as u64 + self.filler
    }

    /// `len` bytes of it at `offset`, in two parts.
    pub fn bytes<'a>(&'a self, offset: u64, len: usize, filler: &'a Filler) -> [&'a [u8]; 2] {
        let begin = (offset as usize).min(self.literal.len());
        let end = (offset as usize + len).min(self.literal.len());
        let rest = len - (end - begin);
        let at = (offset + (end - begin) as u64).saturating_sub(self.literal.len() as u64);
        [&self.literal[begin..end], if rest == 0 { &[] } else { filler.run(self.is_text, self.from + at, rest) }]
    }

    fn begin(&mut self) {
        self.literal.clear();
        self.filler = 0;
    }

    fn add(&mut self, line: std::fmt::Arguments<'_>) {
        // Writing to memory does not fail.
        let _ = self.literal.write_fmt(line);
        self.literal.extend(b"\r\n");
    }

    fn fill(&mut self, len: u64, is_text: bool, random: &mut Random) {
        (self.is_text, self.from, self.filler) = (is_text, random.below(POOL as u64), len);
    }

    /// Ends the head and adds a body of filler in chunks; the whole is kept.
    fn chunk(&mut self, len: u64, is_text: bool, random: &mut Random, filler: &Filler) {
        let from = random.below(POOL as u64);
        let mut at = 0;
        while at < len {
            let chunk = (len - at).min(random.between(1000, 8000));
            self.add(format_args!("{chunk:x}"));
            for begin in (at..at + chunk).step_by(MSS) {
                let run = (at + chunk - begin).min(MSS as u64) as usize;
                self.literal.extend(filler.run(is_text, from + begin, run));
            }
            self.literal.extend(b"\r\n");
            at += chunk;
        }
        self.literal.extend(b"0\r\n\r\n");
    }
}

/// What sort of traffic the messages are of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A browser's heads of some hundred bytes, some POSTs, chunked bodies, answers without a body.
    Browser,
    /// Short heads, as programs write them; the connection ends with the answer.
    Program,
    /// One large download.
    Download,
}

/// Bodies of more than this are never chunked.
const MAX_CHUNKED: u64 = 64 << 10;

/// Writes a request and its response with a body of `size` bytes.
pub fn exchange([request, response]: [&mut Message; 2], style: Style, size: u64, random: &mut Random, filler: &Filler) {
    request.begin();
    response.begin();
    let host = HOSTS[random.below(8) as usize];
    let (ending, media_type, is_text) = match style {
        Style::Browser => TYPES[random.below(6) as usize],
        Style::Program => TYPES[5],
        Style::Download => ("iso", "application/octet-stream", false),
    };
    let number = random.number();
    let (path, name) = (PATHS[(number % 8) as usize], number >> 32);
    let posted = (style == Style::Browser && random.once_in(12)).then(|| random.between(30, 900));
    let method = if posted.is_some() { "POST" } else { "GET" };
    request.add(format_args!("{method} /{path}/{name:08x}.{ending} HTTP/1.1"));
    request.add(format_args!("Host: {host}"));
    if style == Style::Browser {
        request.add(format_args!("User-Agent: {}", AGENTS[(number >> 8) as usize % 4]));
        request.add(format_args!("Accept: */*"));
        request.add(format_args!("Accept-Language: en-GB,en;q=0.7,de;q=0.3"));
        request.add(format_args!("Accept-Encoding: gzip, deflate"));
        request.add(format_args!("Referer: http://{host}/{path}/"));
        request.add(format_args!("Cookie: session={:016x}; seen={}", random.number(), number >> 48));
        request.add(format_args!("Connection: keep-alive"));
    } else {
        request.add(format_args!("User-Agent: curl/8.5.0"));
        request.add(format_args!("Accept: */*"));
    }
    if let Some(len) = posted {
        request.add(format_args!("Content-Type: application/json"));
        request.add(format_args!("Content-Length: {len}"));
        request.fill(len, true, random);
    }
    request.literal.extend(b"\r\n");

    let unchanged = style == Style::Browser && posted.is_none() && random.once_in(20);
    let chunked = style == Style::Browser && size <= MAX_CHUNKED && random.once_in(5);
    response.add(format_args!("HTTP/1.1 {}", if unchanged { "304 Not Modified" } else { "200 OK" }));
    response.add(format_args!("Server: nginx/1.22.1"));
    response.add(format_args!("Date: Tue, 14 Nov 2023 22:{:02}:{:02} GMT", number % 60, number / 60 % 60));
    if style == Style::Browser {
        response.add(format_args!("Last-Modified: Mon, 06 Nov 2023 08:{:02}:21 GMT", number % 60));
        response.add(format_args!("ETag: \"{name:x}-{size:x}\""));
        response.add(format_args!("Cache-Control: max-age={}", number % 9 * 600));
        response.add(format_args!("Vary: Accept-Encoding"));
    }
    if unchanged {
        response.add(format_args!("Connection: keep-alive"));
        return response.literal.extend(b"\r\n");
    }
    response.add(format_args!("Content-Type: {media_type}"));
    if chunked {
        response.add(format_args!("Transfer-Encoding: chunked"));
    } else {
        response.add(format_args!("Content-Length: {size}"));
    }
    response.add(format_args!("Connection: {}", if style == Style::Program { "close" } else { "keep-alive" }));
    response.literal.extend(b"\r\n");
    if chunked {
        response.chunk(size, is_text, random, filler);
    } else {
        response.fill(size, is_text, random);
    }
}

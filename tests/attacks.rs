//! Attacks on time and memory, on the real binary, frame by frame into its standard input: time grows as the attack does,
//! memory stays under its bound, the account adds up, and what was given up is told.
//!
//! `cargo test --release --test attacks -- --ignored --nocapture` runs them at full size and prints a table.

#[path = "attacks/http.rs"]
mod http;
#[path = "attacks/network.rs"]
mod network;
#[path = "attacks/others.rs"]
mod others;
#[path = "attacks/run.rs"]
mod run;
#[path = "attacks/wire.rs"]
mod wire;

mod common;

use run::{Attack, Tells};

/// Records, and everything that is told of messages.
const JSON: &str = "-T json --strict";

/// The summary alone.
const QUIET: &str = "-T json -q --strict";

/// An attack that the main job takes.
const ORDINARY: Attack = Attack {
    write: network::half_open,
    n: 0,
    full: 0,
    arguments: JSON,
    lowered: "",
    memory: 64,
    code: 0,
    tells: Tells::Text("\"end\""),
};

macro_rules! attacks {
    ($($name:ident $n:literal $full:literal $write:expr, { $($field:ident: $value:expr),* };)*) => {
        /// All of them, by name.
        const ATTACKS: &[(&str, Attack)] = &[$((
            stringify!($name),
            #[allow(clippy::needless_update)]
            Attack { write: $write, n: $n, full: $full, $($field: $value,)* ..ORDINARY },
        ),)*];

        $(#[test]
        fn $name() {
            let (name, attack) = ATTACKS.iter().find(|(name, _)| *name == stringify!($name)).unwrap();
            attack.is_bounded(name);
        })*
    };
}

use Tells::{Class, Text, Total};

attacks! {
    half_open 4_000 1_000_000 network::half_open,
        { arguments: QUIET, lowered: "--limit connections=2K", memory: 320, tells: Total("forgotten") };
    closed_and_open 1_000 300_000 network::connections,
        { arguments: QUIET, lowered: "--limit connections=300", memory: 320, tells: Total("forgotten") };
    hash_collisions 2_000 1_000_000 network::collisions,
        { arguments: QUIET, lowered: "--limit connections=2K", memory: 320, tells: Total("forgotten") };
    holes 4_000 1_000_000 network::holes, { lowered: "--limit queue=64K", tells: Text("buffer_full") };
    holes_acknowledged 2_000 1_000_000 network::holes_acknowledged, { tells: Text("gap") };
    bytes_in_reverse 4_000 1_000_000 network::reverse, { lowered: "--limit queue=64K", tells: Text("buffer_full") };
    holes_everywhere 2_000 100_000 network::holes_everywhere,
        { lowered: "--limit queues=1M", tells: Total("queues_relieved") };
    overlaps 2_000 1_000_000 network::overlaps, { tells: Class("duplicate") };
    overlaps_queued 2_000 1_000_000 network::overlaps_queued, { tells: Class("duplicate") };
    sequence_jumps 1_000 1_000_000 network::jumps, { tells: Class("rejected") };
    again 4_000 1_000_000 network::again, { tells: Class("duplicate") };
    ports_again 1_500 1_000_000 network::ports_again, { tells: Text("reused_ports") };
    first_fragments 4_000 500_000 network::first_fragments, { tells: Total("fragments_given_up") };
    other_fragments 5_000 1_000_000 network::other_fragments, { tells: Total("fragments_given_up") };
    overlapping_fragments 2_000 1_000_000 network::overlapping_fragments, { tells: Total("fragments_given_up") };
    encapsulation 100 100_000 network::encapsulation, { arguments: "-T json -P", tells: Total("stopped") };
    lying_blocks 3_000 1_000_000 network::lying_blocks, { code: 1 };

    header_lines 50_000 1_000_000 http::header_lines, { tells: Text("head_too_large") };
    endless_line 500_000 100_000_000 http::endless_line, { tells: Text("head_too_large") };
    head_in_bytes 5_000 1_000_000 http::head_in_bytes, { tells: Text("unfinished") };
    chunk_sizes 500 100_000 http::chunk_sizes, { memory: 320, tells: Text("bad_chunk_size") };
    content_lengths 300 100_000 http::lengths, { memory: 320, tells: Text("bad_content_length") };
    chunks 50_000 10_000_000 http::chunks, { tells: Text("unfinished") };
    pipelined 2_000 1_000_000 http::pipelined, { tells: Text("pairing_uncertain") };
    pipelined_answered 200 100_000 http::pipelined_answered, { tells: Text("pairing_uncertain") };
    gzip_bombs 1 100 http::gzip_bombs, { arguments: "", tells: Text("decoded_too_large") };
    gzip_in_gzip 1 100 http::gzip_in_gzip, { arguments: "", tells: Text("decoded_too_large") };
    brotli_bombs 1 100 http::brotli_bombs, { arguments: "", tells: Text("decoded_too_large") };
    zstd_bombs 1 100 http::zstd_bombs, { arguments: "", tells: Text("decoded_too_large") };

    hpack_bombs 2 1_000 http::hpack_bombs, { tells: Text("head_too_large") };
    continuations 2_000 100_000 http::continuations, { tells: Text("head_too_large") };
    empty_continuations 200 20_000 http::empty_continuations, { };
    endless_streams 1_000 1_000_000 http::endless_streams, { tells: Text("too_many_streams") };
    rapid_reset 1_000 1_000_000 http::rapid_reset, { tells: Text("RST_STREAM stream") };
    h2_control 300 1_000_000 http::h2_control, { };
    websocket_fragments 2_000 1_000_000 http::websocket_fragments, { tells: Text("unfinished") };
    websocket_bombs 1 50 http::websocket_bombs, { tells: Text("decoded_too_large") };
    websocket_lengths 300 100_000 http::websocket_lengths, { memory: 320, tells: Text("bad_frame_length") };

    dns_loops 20 10_000 others::dns_loops, { tells: Text("malformed") };
    dns_queries 1_000 1_000_000 others::dns_queries, { tells: Text("unanswered") };
    dns_answers 1_000 1_000_000 others::dns_answers, { tells: Text("unsolicited_response") };
    dns_over_tcp 500 100_000 others::dns_over_tcp, { memory: 320, tells: Class("other") };
    hellos_in_bytes 50 10_000 others::hellos_in_bytes, { };
    hello_in_records 500 100_000 others::hello_in_records, { tells: Text("handshake_too_large") };
    certificates 20 2_000 others::certificates, { tells: Text("handshake_too_large") };
    empty_records 500 20_000 others::empty_records, { };
    quic 200 100_000 others::quic, { memory: 128 };
    udp_exchanges 5_000 1_000_000 others::datagrams, { memory: 128 };
    searches 800 1_000_000 others::searches, { memory: 128 };

    hosts_in_stats 1_200 1_000_000 http::hosts, { arguments: "stats -T json", tells: Text("others") };
    streams_in_connections 500 1_000_000 network::connections,
        { arguments: "connections -T json", lowered: "--limit connections=300", memory: 320, tells: Text("forgotten\",") };
    half_open_in_connections 2_000 1_000_000 network::half_open,
        { arguments: "connections", lowered: "--limit connections=2K", memory: 320, tells: Text("full") };
    streams_in_page 400 200_000 network::connections, { arguments: "page -T json", memory: 320, tells: Text("beyond") };
    hosts_in_page 500 200_000 http::hosts, { arguments: "page", memory: 320, tells: Text("more") };
    overlaps_in_follow 2_000 1_000_000 network::overlaps, { arguments: "follow 0", memory: 128, tells: Text("out_of_order") };
    holes_in_follow 2_500 500_000 network::holes,
        { arguments: "follow 0", lowered: "--limit queue=64K", memory: 128, tells: Text("buffer_full") };
    raw_follow 2_000 1_000_000 network::overlaps, { arguments: "follow 0 --raw", memory: 128, tells: Text("a") };
    datagrams_in_follow 2_000 200_000 others::dns_answers, { arguments: "follow --udp 0", memory: 128, tells: Text("n1") };
    requests_in_check 500 100_000 http::hosts, { arguments: "check -T json", memory: 320, tells: Text("left_out") };
}

/// Every attack at its full size: what it took.
#[test]
#[ignore = "minutes, for a release build"]
fn the_table() {
    println!("| attack | n | frames | time | user | memory | told |\n|---|--:|--:|--:|--:|--:|---|");
    let mut failed = Vec::new();
    for (name, attack) in ATTACKS {
        let n = attack.full;
        let Ok(used) = std::panic::catch_unwind(|| attack.run(name, attack.arguments, n)) else {
            failed.push(name);
            continue;
        };
        let told = match attack.tells {
            Text(text) => text.to_owned(),
            Total(name) => format!("totals.{name}"),
            Class(name) => format!("ledger.{name}"),
        };
        let (wall, user) = (used.wall.as_secs_f64(), used.user.as_secs_f64());
        println!("| {name} | {n} | {} | {wall:.2} s | {user:.2} s | {} MB | {told} |", used.frames, used.memory);
    }
    assert!(failed.is_empty(), "{failed:?}");
}

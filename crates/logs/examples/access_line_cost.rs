//! What one access line costs, in nanoseconds: `cargo run --release -p tricorn-logs --example access_line_cost [PATH]`.
//!
//! It logs a million lines of each format to PATH (default /dev/null) and prints the median of nine rounds of the
//! thread's CPU time, writes included.
//! Nothing depends on it; the figure is for the reader of a change to the formatter.

use std::time::{Duration, SystemTime};

use rustix::time::{ClockId, clock_gettime};

use tricorn_logs::{AccessFormat, AccessLog, AccessLogOptions, AccessRecord, Text};

const ROUNDS: usize = 9;
const LINES: u32 = 1_000_000 / ROUNDS as u32;

const FORMATS: [(&str, &str); 4] = [
    ("default", AccessFormat::DEFAULT),
    (
        "default with times",
        r#"%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s" %(D)s %(L)s %({x-request-id}i)s"#,
    ),
    ("widths and precisions", r"%(h)-15s %(m)8s %(U).40s %(s)d %(D)08d %(M).1f"),
    (
        "JSON",
        r#"{"time": "%(t)s", "ip": "%(h)s", "path": "%(U)s", "status": %(s)s, "bytes": %(B)s, "ua": "%(a)s", "s": %(L)s}"#,
    ),
];

fn record(time: SystemTime, pid: u32) -> AccessRecord<'static> {
    AccessRecord {
        remote_addr: Some("192.0.2.17"),
        authorization: None,
        time,
        method: b"GET",
        uri: b"/api/v1/articles/4711?page=3&sort=date",
        path: b"/api/v1/articles/4711",
        query: b"page=3&sort=date",
        protocol: b"HTTP/1.1",
        status: 200,
        sent_bytes: Some(51_234),
        referer: Some(b"https://www.example.test/articles?page=2"),
        agent: Some(b"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"),
        elapsed: Duration::from_micros(12_345),
        pid,
        request_field: &|_| Some(Text::Latin1(b"5f2b6c1e-1d1f-4c8e-9f0e-1e0d3c2b1a09")),
        response_field: &|_| None,
        environ: &|_| None,
    }
}

/// CPU time, not the clock's: other programs on the machine do not count.
fn cpu_ns() -> i64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec * 1_000_000_000 + time.tv_nsec
}

fn median_ns_per_line(log: &AccessLog) -> i64 {
    let pid = std::process::id();
    let mut rounds: Vec<i64> = (0..ROUNDS)
        .map(|_| {
            let begin = cpu_ns();
            for _ in 0..LINES {
                log.log(&record(SystemTime::now(), pid));
            }
            log.flush();
            (cpu_ns() - begin) / i64::from(LINES)
        })
        .collect();
    rounds.sort_unstable();
    rounds[ROUNDS / 2]
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let path = std::env::args().nth(1).unwrap_or_else(|| "/dev/null".to_owned());
    for (name, format) in FORMATS {
        let log = AccessLog::open(AccessLogOptions {
            accesslog: Some(path.clone()),
            format: AccessFormat::compile(format)?,
            owner: None,
            syslog: None,
        })?;
        println!("{name:<22} {:>5} ns/line of CPU, {} dropped", median_ns_per_line(&log), log.dropped());
    }
    Ok(())
}

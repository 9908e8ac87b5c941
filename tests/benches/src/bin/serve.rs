//! Answers with pages of 1000 rows and with a payment, made beforehand, so that it is the client
//! that is measured: `serve` prints its port, and serves until it is killed.
//!
//! The first segment of the path is how: `/identity/v1/…`, `/chunked/v1/…`, `/gzip/v1/…`.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use flate2::Compression;
use flate2::write::GzEncoder;
use kamipay_benches::{page, pay_status};

/// What a web framework sends at once.
const CHUNK: usize = 16 * 1024;

fn main() -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("{}", listener.local_addr()?.port());
    let answers = Arc::new(Answers::default());
    for stream in listener.incoming() {
        let (stream, answers) = (stream?, Arc::clone(&answers));
        thread::spawn(move || serve(&stream, &answers));
    }
    Ok(())
}

/// Until the client hangs up.
fn serve(mut stream: &TcpStream, answers: &Answers) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(request) = lines.next().transpose()? {
        while lines.next().transpose()?.is_some_and(|header| !header.is_empty()) {}
        let target = request.split(' ').nth(1).unwrap_or_default();
        stream.write_all(&answers.of(target)?)?;
    }
    Ok(())
}

/// Whole responses, by what was asked. Each is made once.
#[derive(Default)]
struct Answers(Mutex<HashMap<String, Arc<Vec<u8>>>>);

impl Answers {
    fn of(&self, target: &str) -> io::Result<Arc<Vec<u8>>> {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = answers.get(target) {
            return Ok(Arc::clone(answer));
        }
        let answer = Arc::new(response(target)?);
        answers.insert(target.to_owned(), Arc::clone(&answer));
        Ok(answer)
    }
}

fn response(target: &str) -> io::Result<Vec<u8>> {
    let offset = target.rsplit("offset=").next().and_then(|digits| digits.parse().ok());
    let body = match offset {
        Some(offset) => page(offset, 200_000),
        None => pay_status(),
    };
    let how = target.split('/').nth(1).unwrap_or_default();
    let (header, body) = match how {
        "chunked" => ("transfer-encoding: chunked".to_owned(), chunked(body.as_bytes())?),
        "gzip" => {
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(body.as_bytes())?;
            let packed = packed.finish()?;
            (format!("content-encoding: gzip\r\ncontent-length: {}", packed.len()), packed)
        }
        _ => (format!("content-length: {}", body.len()), body.into_bytes()),
    };
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n{header}\r\n\r\n");
    Ok([head.into_bytes(), body].concat())
}

fn chunked(body: &[u8]) -> io::Result<Vec<u8>> {
    let mut chunks = Vec::new();
    for chunk in body.chunks(CHUNK) {
        write!(chunks, "{:x}\r\n", chunk.len())?;
        chunks.extend_from_slice(chunk);
        chunks.extend_from_slice(b"\r\n");
    }
    chunks.extend_from_slice(b"0\r\n\r\n");
    Ok(chunks)
}

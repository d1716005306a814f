//! A file server for tests that misbehaves on demand, one way per connection.
//!
//! Written on a bare `TcpListener`, so that it can do what no proper HTTP library lets a server do: lie about
//! lengths, hang up in the middle, never answer. It notes what each request asked for and how many body bytes
//! it was sent, which is how "fetches only what is missing" is proved.

// Test code through and through, but the lint's leave for tests does not reach shared modules.
#![allow(clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What the server does with one connection.
#[derive(Debug, Clone)]
pub enum Act {
    /// Behaves: the whole file, or the range asked for.
    Serve,
    /// Sends the whole file whatever was asked for.
    IgnoreRange,
    /// Promises all, hangs up after so many body bytes.
    HangUpAfter(usize),
    /// Promises all, falls silent after so many body bytes.
    SilentAfter(usize),
    /// Serves this other content, ranges and all.
    Other(Vec<u8>),
    /// Serves this other content without saying how long it is.
    OtherUnannounced(Vec<u8>),
    /// One body byte every so often, two hundred in all.
    Drip(Duration),
    /// Only a status.
    Status(u16),
    /// A page of HTML with status 200.
    LoginPage,
    /// Never answers.
    Silent,
    /// Sends the client elsewhere.
    Redirect(String),
    /// Accepts a CONNECT as a proxy does, then behaves as the host that was asked for.
    Proxy,
}

/// What a client asked and was given.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// First line of the request.
    pub line: String,
    /// Value of its Range header.
    pub range: Option<String>,
    /// Body bytes handed to the connection.
    pub sent: usize,
}

/// The server; ends when dropped.
pub struct Server {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Serves `content` under any path. The n-th connection gets the n-th act, later ones the last.
    pub fn start(content: Vec<u8>, acts: &[Act]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let (content, acts) = (Arc::new(content), acts.to_vec());
        let thread = std::thread::spawn({
            let (seen, stop) = (Arc::clone(&seen), Arc::clone(&stop));
            move || {
                for (count, stream) in listener.incoming().enumerate() {
                    if stop.load(Ordering::SeqCst) {
                        return;
                    }
                    let act = acts[count.min(acts.len() - 1)].clone();
                    let (content, seen, stop) = (Arc::clone(&content), Arc::clone(&seen), Arc::clone(&stop));
                    // A client that hangs up early is an event some tests want, not an error.
                    std::thread::spawn(move || answer(&stream?, &act, &content, &seen, &stop));
                }
            }
        });
        Self { address, seen, stop, thread: Some(thread) }
    }

    /// Its base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far, in order of arrival.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the accepting thread.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

fn answer(
    stream: &TcpStream,
    act: &Act,
    content: &[u8],
    seen: &Mutex<Vec<Seen>>,
    stop: &AtomicBool,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut request = read_request(&mut reader)?;
    if matches!(act, Act::Proxy) && request.line.starts_with("CONNECT ") {
        (&*stream).write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
        seen.lock().unwrap().push(request);
        request = read_request(&mut reader)?;
    }
    let range = request.range.clone();
    let index = {
        let mut seen = seen.lock().unwrap();
        seen.push(request);
        seen.len() - 1
    };
    let mut client = Client { stream, seen, index };
    match act {
        Act::Serve | Act::Proxy => client.serve(content, range.as_deref(), usize::MAX),
        Act::IgnoreRange => client.serve(content, None, usize::MAX),
        Act::HangUpAfter(count) => client.serve(content, range.as_deref(), *count),
        Act::SilentAfter(count) => {
            client.serve(content, range.as_deref(), *count)?;
            wait(stop, Duration::MAX);
            Ok(())
        }
        Act::Other(other) => client.serve(other, range.as_deref(), usize::MAX),
        Act::OtherUnannounced(other) => {
            client.head("200 OK", "")?;
            client.body(other)
        }
        Act::Drip(pause) => {
            client.head("200 OK", &format!("Content-Length: {}\r\n", content.len()))?;
            for byte in &content[..200] {
                client.body(std::slice::from_ref(byte))?;
                wait(stop, *pause);
            }
            Ok(())
        }
        Act::Status(status) => client.head(&format!("{status} So be it"), "Content-Length: 0\r\n"),
        Act::LoginPage => {
            let page = b"<html><form>Please log in</form></html>";
            client
                .head("200 OK", &format!("Content-Type: text/html\r\nContent-Length: {}\r\n", page.len()))?;
            client.body(page)
        }
        Act::Silent => {
            wait(stop, Duration::MAX);
            Ok(())
        }
        Act::Redirect(url) => client.head("302 Found", &format!("Location: {url}\r\nContent-Length: 0\r\n")),
    }
}

fn read_request(reader: &mut impl BufRead) -> std::io::Result<Seen> {
    let mut seen = Seen::default();
    reader.read_line(&mut seen.line)?;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim().split_once(':') else { return Ok(seen) };
        if name.eq_ignore_ascii_case("range") {
            seen.range = Some(value.trim().to_owned());
        }
    }
}

/// Sleeps in short naps, so that a stopped server's threads end.
fn wait(stop: &AtomicBool, length: Duration) {
    let start = std::time::Instant::now();
    while start.elapsed() < length && !stop.load(Ordering::SeqCst) {
        std::thread::sleep(length.min(Duration::from_millis(10)));
    }
}

struct Client<'a> {
    stream: &'a TcpStream,
    seen: &'a Mutex<Vec<Seen>>,
    index: usize,
}

impl Client<'_> {
    fn head(&mut self, status: &str, headers: &str) -> std::io::Result<()> {
        self.stream.write_all(format!("HTTP/1.1 {status}\r\nConnection: close\r\n{headers}\r\n").as_bytes())
    }

    fn body(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        for piece in bytes.chunks(1 << 16) {
            // Counted first: the client may be done before this thread runs again.
            self.seen.lock().unwrap()[self.index].sent += piece.len();
            self.stream.write_all(piece)?;
        }
        Ok(())
    }

    fn serve(&mut self, content: &[u8], range: Option<&str>, at_most: usize) -> std::io::Result<()> {
        let from =
            range.map(|range| range.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap());
        let whole = content.len();
        match from {
            Some(from) if from >= whole => {
                let headers = format!("Content-Range: bytes */{whole}\r\nContent-Length: 0\r\n");
                return self.head("416 Range Not Satisfiable", &headers);
            }
            Some(from) => {
                let (last, length) = (whole - 1, whole - from);
                let headers =
                    format!("Content-Range: bytes {from}-{last}/{whole}\r\nContent-Length: {length}\r\n");
                self.head("206 Partial Content", &headers)?;
            }
            None => self.head("200 OK", &format!("Content-Length: {whole}\r\n"))?,
        }
        let rest = &content[from.unwrap_or(0)..];
        self.body(&rest[..rest.len().min(at_most)])
    }
}

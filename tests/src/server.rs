//! A web server of one answer, for pulls that must not reach the network.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::thread;

/// Serves these bytes, head and all, to every request until the test ends; says at which address.
pub fn serve(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
                request.push(byte[0]);
            }
            let _ = stream.write_all(&answer);
        }
    });
    url
}

/// A whole answer with a body of this many equal bytes.
pub fn body(length: usize) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes(), vec![7; length]].concat()
}

//! One request for the file, from a byte on, and what the answer means for the part.

use std::io::Read;

use ureq::http::{Response, header};

use super::settings::Settings;

/// What one request came to.
pub enum Answer {
    /// The bytes of the file from `from` on. `from` is 0 where the server knows no ranges.
    Bytes {
        /// Position in the file of the first byte.
        from: u64,
        /// The bytes; may break off, or go on for too long.
        body: Box<dyn Read>,
    },
    /// The server has no such range: what the part holds is of no use to it.
    NoSuchRange,
    /// The server's file has another length, in bytes.
    OtherLength {
        /// Its length.
        found: u64,
        /// The server calls it HTML.
        web_page: bool,
    },
    /// A status that will be the same next time.
    Refused(u16),
    /// Something that may be over in a moment.
    Failed {
        /// What went wrong.
        why: String,
        /// Nobody was there at all: no such host, no network, nothing listens.
        nobody: bool,
    },
}

/// Asks for the bytes of a file of `size` bytes from `from` on.
pub fn request(settings: &Settings, from: u64, size: u64) -> Answer {
    let mut request = settings.agent().get(&settings.url).header(header::ACCEPT_ENCODING, "identity");
    if from > 0 {
        request = request.header(header::RANGE, format!("bytes={from}-"));
    }
    let response = match request.call() {
        Ok(response) => response,
        Err(error) => return failure(&error),
    };
    let web_page =
        header_text(&response, &header::CONTENT_TYPE).is_some_and(|kind| kind.starts_with("text/html"));
    match response.status().as_u16() {
        200 => match response.body().content_length() {
            Some(found) if found != size => Answer::OtherLength { found, web_page },
            _ => Answer::Bytes { from: 0, body: Box::new(response.into_body().into_reader()) },
        },
        206 => match header_text(&response, &header::CONTENT_RANGE).and_then(content_range) {
            Some((_, Some(found))) if found != size => Answer::OtherLength { found, web_page },
            Some((start, _)) if start == from => {
                Answer::Bytes { from, body: Box::new(response.into_body().into_reader()) }
            }
            _ if from > 0 => Answer::NoSuchRange,
            _ => Answer::Refused(206),
        },
        416 if from > 0 => Answer::NoSuchRange,
        status @ (408 | 425 | 429 | 500..=599) => {
            Answer::Failed { why: format!("the server answered {status}"), nobody: false }
        }
        status => Answer::Refused(status),
    }
}

fn header_text<'r>(response: &'r Response<ureq::Body>, name: &header::HeaderName) -> Option<&'r str> {
    response.headers().get(name)?.to_str().ok()
}

/// `bytes 100-199/200` → first byte and length of the whole file, where it is told.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, whole) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end) = (start.trim().parse::<u64>().ok()?, end.trim().parse::<u64>().ok()?);
    let whole = match whole.trim() {
        "*" => None,
        number => Some(number.parse::<u64>().ok()?),
    };
    (start <= end && whole.is_none_or(|whole| end < whole)).then_some((start, whole))
}

fn failure(error: &ureq::Error) -> Answer {
    use std::io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkDown, NetworkUnreachable};
    let why = match error {
        error if is_unknown_host(error) => "the host name is not known here".to_owned(),
        ureq::Error::Timeout(what) => format!("no answer in time ({what})"),
        ureq::Error::Io(error) => error.to_string(),
        ureq::Error::ConnectProxyFailed(why) => format!("the proxy refused: {why}"),
        other => other.to_string(),
    };
    let nobody = match error {
        ureq::Error::Io(io)
            if matches!(
                io.kind(),
                ConnectionRefused | HostUnreachable | NetworkDown | NetworkUnreachable
            ) =>
        {
            true
        }
        // A certificate that is not trusted, an endless redirect or a refusing proxy will not change either.
        ureq::Error::Rustls(_)
        | ureq::Error::Tls(_)
        | ureq::Error::TooManyRedirects
        | ureq::Error::BadUri(_)
        | ureq::Error::ConnectProxyFailed(_) => true,
        error => is_unknown_host(error),
    };
    Answer::Failed { why, nobody }
}

/// The resolver found no address, or nobody to ask for one. The standard library gives that failure no kind of its own: on Unix it is
/// known by its first words, on Windows by its number (`WSAHOST_NOT_FOUND`).
fn is_unknown_host(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::HostNotFound | ureq::Error::Timeout(ureq::Timeout::Resolve) => true,
        ureq::Error::Io(error) => {
            error.to_string().starts_with("failed to lookup address") || error.raw_os_error() == Some(11_001)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::content_range;

    #[test]
    fn a_content_range_is_read_strictly() {
        assert_eq!(content_range("bytes 100-199/200"), Some((100, Some(200))));
        assert_eq!(content_range("bytes 0-0/*"), Some((0, None)));
        for wrong in
            ["bytes */200", "bytes 100-199", "bytes 199-100/200", "bytes 0-200/200", "items 0-1/2", ""]
        {
            assert_eq!(content_range(wrong), None, "{wrong}");
        }
    }
}

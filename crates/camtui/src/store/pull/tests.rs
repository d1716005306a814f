//! Pulls of a small made-up model from a server that does everything wrong, one thing at a time.
//!
//! After each: was anything installed, is it the model, and how many bytes crossed the wire. That they can
//! fail was seen by breaking the code: without the comparison before the rename, the two tests of corrupt
//! files go red; without the Range header, six that count bytes; with the part truncated when it is opened,
//! five that resume; without the lock, the two pulls at once; without the floor on speed, the silent server.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

use super::progress::Progress;
use super::server::{Act, Server};
use super::{Done, PullError, install};
use crate::store::catalogue::{Download, Entry, Origin};
use crate::store::places::Places;

const SIZE: usize = 200_000;

/// The made-up model: bytes that differ everywhere, so that a misplaced piece changes the hash.
fn content() -> Vec<u8> {
    (0..SIZE as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

fn model() -> (Entry, Download) {
    let sha256 = format!("{:x}", Sha256::digest(content())).leak();
    let file = Download { file: "made-up.pth", base: "http://publisher.invalid", size: SIZE as u64, sha256 };
    let entry = Entry { name: "made-up", summary: "", licence: "", origin: Origin::Download(file) };
    (entry, file)
}

#[derive(Default)]
struct Notes(RefCell<Vec<String>>);

impl Progress for Notes {
    fn at(&self, _: u64) {}
    fn again(&self, why: &str) {
        self.note(why);
    }
    fn note(&self, line: &str) {
        self.0.borrow_mut().push(line.to_owned());
    }
    fn end(&self) {}
}

/// A data folder of its own.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        std::fs::create_dir_all(home.models()).unwrap();
        home
    }

    fn models(&self) -> PathBuf {
        self.0.path().join("models")
    }

    fn target(&self) -> PathBuf {
        self.models().join("made-up.pth")
    }

    fn part(&self) -> PathBuf {
        self.models().join("made-up.pth.part")
    }

    fn places(&self) -> Places {
        Places::new(|_| Some(self.0.path().into()), None)
    }

    fn pull_with(
        &self,
        from: Option<&Path>,
        variables: &[(&str, &str)],
    ) -> (Result<Done, PullError>, Vec<String>) {
        let (entry, file) = model();
        let notes = Notes::default();
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        (install(&entry, &file, from, &self.places(), &variable, &notes), notes.0.into_inner())
    }

    /// From this server, with short time-outs.
    fn pull(&self, server: &Server) -> Result<Done, PullError> {
        self.pull_with(None, &[("CAMTUI_MODEL_MIRROR", &server.url()), ("CAMTUI_PULL_TIMEOUT_MS", "300")]).0
    }

    fn assert_installed(&self) {
        assert!(std::fs::read(self.target()).unwrap() == content(), "the installed file is not the model");
        assert!(!self.part().exists(), "a part was left beside an installed model");
    }

    fn assert_nothing(&self) {
        assert!(!self.target().exists(), "something was installed");
    }
}

/// A pull that must fail; its message.
fn refused(acts: &[Act]) -> (String, Home, Server) {
    let (home, server) = (Home::new(), Server::start(content(), acts));
    let message = home.pull(&server).unwrap_err().to_string();
    home.assert_nothing();
    (message, home, server)
}

fn sent(server: &Server) -> usize {
    server.seen().iter().map(|seen| seen.sent).sum()
}

#[test]
fn a_good_server_gives_the_model_and_the_second_pull_asks_nothing() {
    let (home, server) = (Home::new(), Server::start(content(), &[Act::Serve]));
    assert_eq!(home.pull(&server).unwrap(), Done::Installed(home.target()));
    home.assert_installed();
    assert_eq!(home.pull(&server).unwrap(), Done::AlreadyThere(home.target()));
    let seen = server.seen();
    assert_eq!(seen.len(), 1);
    assert_eq!((seen[0].line.trim(), &seen[0].range), ("GET /made-up.pth HTTP/1.1", &None));
}

#[test]
fn a_dropped_connection_is_taken_up_where_it_broke() {
    let acts = [Act::HangUpAfter(70_000), Act::HangUpAfter(50_001), Act::Serve];
    let (home, server) = (Home::new(), Server::start(content(), &acts));
    home.pull(&server).unwrap();
    home.assert_installed();
    let ranges: Vec<_> = server.seen().into_iter().map(|seen| seen.range).collect();
    assert_eq!(ranges, [None, Some("bytes=70000-".into()), Some("bytes=120001-".into())]);
    assert_eq!(sent(&server), SIZE, "bytes were sent twice");
}

#[test]
fn the_next_pull_fetches_only_what_is_missing() {
    let acts = [Act::HangUpAfter(90_000), Act::Status(503), Act::Status(503), Act::Status(503)];
    let (message, home, server) = refused(&acts);
    assert!(message.contains("503") && message.contains("90 kB are kept"), "{message}");
    assert_eq!((home.part().metadata().unwrap().len(), sent(&server)), (90_000, 90_000));

    let server = Server::start(content(), &[Act::Serve]);
    home.pull(&server).unwrap();
    home.assert_installed();
    assert_eq!(sent(&server), SIZE - 90_000);
}

#[test]
fn a_server_that_ignores_ranges_is_read_from_the_start() {
    let acts = [Act::HangUpAfter(90_000), Act::IgnoreRange];
    let (home, server) = (Home::new(), Server::start(content(), &acts));
    home.pull(&server).unwrap();
    home.assert_installed();
    assert_eq!(sent(&server), SIZE + 90_000);
}

#[test]
fn a_range_that_cannot_be_had_starts_over() {
    let home = Home::new();
    std::fs::write(home.part(), &content()[..1000]).unwrap();
    let server = Server::start(content(), &[Act::Status(416), Act::Serve]);
    home.pull(&server).unwrap();
    home.assert_installed();
    assert_eq!(server.seen()[1].range, None);
    // Without a range to refuse, 416 is an answer like any other: no endless loop.
    let (message, ..) = refused(&[Act::Status(416)]);
    assert!(message.contains("416"), "{message}");
}

#[test]
fn a_part_that_is_complete_needs_no_server() {
    let home = Home::new();
    std::fs::write(home.part(), content()).unwrap();
    let server = Server::start(content(), &[Act::Silent]);
    home.pull(&server).unwrap();
    home.assert_installed();
    assert!(server.seen().is_empty());
}

#[test]
fn a_corrupt_part_is_thrown_away_and_fetched_once_from_the_start() {
    for length in [100_000, SIZE, SIZE + 5] {
        let home = Home::new();
        std::fs::write(home.part(), vec![7; length]).unwrap();
        let server = Server::start(content(), &[Act::Serve]);
        home.pull(&server).unwrap();
        home.assert_installed();
        assert_eq!(server.seen().last().unwrap().range, None);
    }
}

#[test]
fn a_corrupt_file_is_refused_and_nothing_is_kept_of_it() {
    let mut wrong = content();
    wrong[SIZE / 2] ^= 1;
    let (message, home, server) = refused(&[Act::Other(wrong.clone())]);
    let found = format!("{:x}", Sha256::digest(&wrong));
    assert!(message.contains(&found) && message.contains(model().1.sha256), "{message}");
    assert!(!home.part().exists());
    assert_eq!(server.seen().len(), 1, "a file that came in one piece is not asked for again");

    // Resumed: once more from the start, then refused.
    let home = Home::new();
    std::fs::write(home.part(), &content()[..60_000]).unwrap();
    let server = Server::start(wrong, &[Act::Serve]);
    assert!(matches!(home.pull(&server), Err(PullError::Corrupt { .. })));
    home.assert_nothing();
    assert!(!home.part().exists());
    let ranges: Vec<_> = server.seen().into_iter().map(|seen| seen.range).collect();
    assert_eq!(ranges, [Some("bytes=60000-".into()), None]);
}

#[test]
fn a_file_of_another_length_is_refused_before_it_is_fetched() {
    for other in [content()[..SIZE - 1].to_vec(), [content(), vec![0]].concat()] {
        let length = other.len();
        let (message, _, _) = refused(&[Act::Other(other.clone())]);
        assert!(message.contains(&format!("offers {length} bytes, the model has {SIZE}")), "{message}");
        // The same when it is only found out in the middle of a resumed pull; what was good is kept.
        let (message, home, _) = refused(&[Act::HangUpAfter(1000), Act::Other(other)]);
        assert!(message.contains("offers"), "{message}");
        assert_eq!(std::fs::read(home.part()).unwrap(), &content()[..1000]);
    }
}

#[test]
fn a_length_that_was_not_announced_is_watched() {
    let (message, home, _) = refused(&[Act::OtherUnannounced([content(), content()].concat())]);
    assert!(message.contains("is not the model"), "{message}");
    assert_eq!(home.part().metadata().unwrap().len(), 0);
    let (message, _, server) = refused(&[Act::OtherUnannounced(content()[..500].to_vec())]);
    assert!(message.contains("ended after 500 of 200000 bytes"), "{message}");
    assert!(server.seen().len() > 1);

    let (home, server) = (Home::new(), Server::start(content(), &[Act::OtherUnannounced(content())]));
    home.pull(&server).unwrap();
    home.assert_installed();
}

#[test]
fn a_login_page_is_called_one_and_costs_no_part() {
    let (message, home, _) = refused(&[Act::HangUpAfter(1000), Act::LoginPage]);
    assert!(message.contains("web page"), "{message}");
    assert_eq!(home.part().metadata().unwrap().len(), 1000);
}

#[test]
fn not_found_is_final_and_a_faulty_server_is_asked_again() {
    let (message, _, server) = refused(&[Act::Status(404)]);
    assert!(
        message.contains("404 (no such file there)") && message.contains("CAMTUI_MODEL_MIRROR"),
        "{message}"
    );
    assert_eq!(server.seen().len(), 1);

    let (message, _, server) = refused(&[Act::Status(500)]);
    assert!(message.contains("500") && message.contains("tried 4 times"), "{message}");
    assert_eq!(server.seen().len(), 4);

    let (home, server) = (Home::new(), Server::start(content(), &[Act::Status(500), Act::Serve]));
    home.pull(&server).unwrap();
    home.assert_installed();
}

#[test]
fn a_silent_server_is_given_up_in_bounded_time() {
    for acts in [[Act::Silent], [Act::SilentAfter(0)], [Act::Drip(Duration::from_millis(40))]] {
        let start = Instant::now();
        let (message, ..) = refused(&acts);
        // Four attempts of 0.3 s, pauses of 0.3, 0.6 and 1.2 s.
        assert!(start.elapsed() < Duration::from_secs(8), "{acts:?}: {:?}", start.elapsed());
        assert!(message.contains("tried 4 times"), "{acts:?}: {message}");
    }
    let acts = [Act::SilentAfter(80_000), Act::Serve];
    let (home, server) = (Home::new(), Server::start(content(), &acts));
    home.pull(&server).unwrap();
    home.assert_installed();
    assert_eq!(sent(&server), SIZE);
}

#[test]
fn a_redirect_is_followed_with_its_range() {
    let home = Home::new();
    std::fs::write(home.part(), &content()[..5000]).unwrap();
    let there = Server::start(content(), &[Act::Serve]);
    let here = Server::start(Vec::new(), &[Act::Redirect(format!("{}/elsewhere", there.url()))]);
    home.pull(&here).unwrap();
    home.assert_installed();
    let seen = there.seen();
    assert_eq!((seen[0].line.trim(), seen[0].sent), ("GET /elsewhere HTTP/1.1", SIZE - 5000));

    let here = Server::start(Vec::new(), &[Act::Redirect("/again".into())]);
    let message = Home::new().pull(&here).unwrap_err().to_string();
    assert!(message.contains("redirect"), "{message}");
}

#[test]
fn a_proxy_is_asked_for_hosts_only_it_knows() {
    let (home, proxy) = (Home::new(), Server::start(content(), &[Act::Proxy]));
    let (result, _) = home.pull_with(None, &[("HTTP_PROXY", &proxy.url())]);
    result.unwrap();
    home.assert_installed();
    let lines: Vec<_> = proxy.seen().into_iter().map(|seen| seen.line.trim().to_owned()).collect();
    assert_eq!(lines, ["CONNECT publisher.invalid:80 HTTP/1.1", "GET /made-up.pth HTTP/1.1"]);

    // A host that NO_PROXY names is reached without it.
    let (home, server) = (Home::new(), Server::start(content(), &[Act::Serve]));
    let mirror = ("CAMTUI_MODEL_MIRROR", server.url());
    let variables = [("HTTP_PROXY", proxy.url()), mirror, ("NO_PROXY", "127.0.0.1".into())];
    let variables: Vec<_> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    home.pull_with(None, &variables).0.unwrap();
    home.assert_installed();
    assert_eq!(proxy.seen().len(), 2);
}

#[test]
fn without_a_network_the_message_shows_the_ways_round() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = format!("http://{closed}");
    let start = Instant::now();
    let message = Home::new().pull_with(None, &[("CAMTUI_MODEL_MIRROR", &url)]).0.unwrap_err().to_string();
    assert!(start.elapsed() < Duration::from_secs(2), "nobody is there: waiting is no use");
    for wanted in [
        &url,
        "HTTPS_PROXY",
        "CAMTUI_MODEL_MIRROR",
        "camtui model pull made-up --from made-up.pth",
        "http://publisher.invalid/made-up.pth",
        "efficientnet-lite0",
    ] {
        assert!(message.contains(wanted), "{wanted} is missing in: {message}");
    }
}

#[test]
fn an_unknown_host_is_not_asked_again() {
    // `.invalid` is reserved for names that do not exist (RFC 2606).
    let (result, notes) = Home::new().pull_with(None, &[("CAMTUI_PULL_TIMEOUT_MS", "2000")]);
    let message = result.unwrap_err().to_string();
    assert!(message.contains("publisher.invalid") && message.contains("host name is not known"), "{message}");
    assert_eq!(notes.len(), 1, "{notes:?}");
}

#[test]
fn a_file_by_hand_is_checked_like_any_other() {
    let (home, outside) = (Home::new(), tempfile::tempdir().unwrap());
    let copy = outside.path().join("copy.pth");
    let from_hand = |home: &Home| home.pull_with(Some(&copy), &[]).0;

    assert!(from_hand(&home).unwrap_err().to_string().contains("cannot read"));
    let mut wrong = content();
    wrong[3] ^= 1;
    std::fs::write(home.part(), &content()[..1000]).unwrap();
    for (bytes, wanted) in [(&wrong[..], "SHA-256"), (&wrong[..SIZE - 1], "199999 bytes")] {
        std::fs::write(&copy, bytes).unwrap();
        let message = from_hand(&home).unwrap_err().to_string();
        assert!(message.contains(wanted) && message.contains("camtui -m "), "{message}");
        home.assert_nothing();
    }
    assert_eq!(
        home.part().metadata().unwrap().len(),
        1000,
        "an earlier part is not the wrong file's to destroy"
    );
    let folder = home.pull_with(Some(outside.path()), &[]).0.unwrap_err().to_string();
    assert!(folder.contains("directory"), "{folder}");

    std::fs::write(&copy, content()).unwrap();
    assert_eq!(from_hand(&home).unwrap(), Done::Installed(home.target()));
    home.assert_installed();
    assert!(copy.exists());
}

#[test]
fn a_damaged_installed_model_is_replaced_only_by_a_sound_one() {
    let home = Home::new();
    std::fs::write(home.target(), vec![0; SIZE]).unwrap();
    let server = Server::start(content(), &[Act::Status(404), Act::Serve]);
    home.pull(&server).unwrap_err();
    assert_eq!(std::fs::read(home.target()).unwrap(), vec![0; SIZE]);
    home.pull(&server).unwrap();
    home.assert_installed();
}

#[test]
fn two_pulls_at_once_fetch_the_model_once() {
    let (home, server) = (Home::new(), Server::start(content(), &[Act::SilentAfter(50_000), Act::Serve]));
    let done: Vec<_> = std::thread::scope(|scope| {
        let pulls = [scope.spawn(|| home.pull(&server)), scope.spawn(|| home.pull(&server))];
        pulls.into_iter().map(|pull| pull.join().unwrap().unwrap()).collect()
    });
    assert!(
        done.contains(&Done::Installed(home.target())) && done.contains(&Done::AlreadyThere(home.target()))
    );
    home.assert_installed();
    assert_eq!(sent(&server), SIZE);
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let places = Places::new(|_| Some(file.path().join("below").into()), None);
    let (entry, model) = model();
    let result = install(&entry, &model, None, &places, &|_| None, &Notes::default());
    let message = result.unwrap_err().to_string();
    assert!(message.contains("cannot write") && message.contains("CAMTUI_DATA_DIR"), "{message}");
}

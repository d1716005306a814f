//! What the environment says about a download: mirror, proxy, certificates, time-outs.
//!
//! Read once, here, so that the download itself never looks at the environment and a test can say all of it.

use std::time::Duration;

use ureq::tls::{PemItem, RootCerts, TlsConfig};
use ureq::{Agent, Proxy};

use super::error::PullError;
use crate::store::catalogue::Download;

/// A base URL in place of the publisher's.
pub const MIRROR_VARIABLE: &str = "CAMTUI_MODEL_MIRROR";
/// Milliseconds after which a silent server is given up; for tests and very slow links.
pub const TIMEOUT_VARIABLE: &str = "CAMTUI_PULL_TIMEOUT_MS";
/// A PEM file of certificate authorities in place of Mozilla's, as OpenSSL and curl read it.
const CERTIFICATES_VARIABLE: &str = "SSL_CERT_FILE";

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const SILENCE_TIMEOUT: Duration = Duration::from_secs(20);
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// How to reach one file.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where the file is asked for.
    pub url: String,
    /// The ways round a network that is not there, filtered or slow, for the end of an error.
    pub help: String,
    /// How long a server may be silent.
    pub silence: Duration,
    /// The pause before the second attempt; it doubles.
    pub pause: Duration,
    agent: Agent,
}

impl Settings {
    /// Reads the environment through `lookup`; `model` is the name the user knows.
    pub fn new(
        model: &str,
        file: &Download,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, PullError> {
        let lookup = |name: &str| lookup(name).filter(|value| !value.trim().is_empty());
        let base = match lookup(MIRROR_VARIABLE) {
            Some(mirror) => checked_mirror(&mirror)?,
            None => file.base.to_owned(),
        };
        let (connect, silence) = match lookup(TIMEOUT_VARIABLE) {
            Some(text) => {
                let limit = text.trim().parse().ok().filter(|&ms| ms > 0).map(Duration::from_millis);
                let limit = limit.ok_or_else(|| PullError::Setting {
                    variable: TIMEOUT_VARIABLE.into(),
                    value: text.clone(),
                    wrong: "a whole number of milliseconds above 0 is wanted".into(),
                })?;
                (limit, limit)
            }
            None => (CONNECT_TIMEOUT, SILENCE_TIMEOUT),
        };
        let (proxy, proxy_shown) = proxy_for(&base, &lookup)?.unzip();
        let roots = match lookup(CERTIFICATES_VARIABLE) {
            Some(path) => certificates(&path)?,
            None => RootCerts::WebPki,
        };
        let agent = Agent::config_builder()
            .user_agent(concat!("camtui/", env!("CARGO_PKG_VERSION")))
            .proxy(proxy)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            // Statuses are judged by hand: 206, 200 and 416 all mean something to a resumed download.
            .http_status_as_error(false)
            .timeout_resolve(Some(connect))
            .timeout_connect(Some(connect))
            .timeout_send_request(Some(silence))
            .timeout_recv_response(Some(silence))
            .timeout_per_read(Some(silence))
            .build()
            .new_agent();
        let url = format!("{base}/{}", file.file);
        let help = what_helps(model, file, proxy_shown.as_deref());
        Ok(Self { url, help, silence, pause: FIRST_PAUSE.min(silence), agent })
    }

    /// The client that these settings make.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }
}

fn what_helps(model: &str, file: &Download, proxy: Option<&str>) -> String {
    let Download { file, base, .. } = file;
    let proxy = match proxy {
        Some(shown) => format!("the one of {shown} was used; if it is the wrong one, change that variable"),
        None => "none was used; if one is needed, set HTTPS_PROXY=http://HOST:PORT".to_owned(),
    };
    format!(
        "\n  proxy: {proxy}\
         \n  mirror: {MIRROR_VARIABLE}=https://HOST/FOLDER asks for {file} there\
         \n  by hand: bring {base}/{file} to this machine, then `camtui model pull {model} --from {file}`\
         \n  without: the embedded model needs no network, `-m efficientnet-lite0`"
    )
}

fn checked_mirror(mirror: &str) -> Result<String, PullError> {
    let base = mirror.trim().trim_end_matches('/');
    let host = base.strip_prefix("https://").or_else(|| base.strip_prefix("http://"));
    if host.is_some_and(|host| !host.is_empty()) {
        return Ok(base.to_owned());
    }
    let wrong = "the address of a folder is wanted, https://HOST/FOLDER or http://HOST/FOLDER \
                 (a file on this machine is installed with --from FILE)";
    Err(PullError::Setting { variable: MIRROR_VARIABLE.into(), value: mirror.into(), wrong: wrong.into() })
}

/// The proxy for addresses like `base`: the variable of its scheme, then `ALL_PROXY`; capitals first, as most
/// programs have it. `NO_PROXY` names hosts and, as in curl, all hosts below them.
fn proxy_for(
    base: &str,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<(Proxy, String)>, PullError> {
    let scheme = if base.starts_with("https:") { "HTTPS_PROXY" } else { "HTTP_PROXY" };
    let found = [scheme, "ALL_PROXY"].into_iter().find_map(|name| {
        let lower = name.to_ascii_lowercase();
        let value = lookup(name).map(|value| (name.to_owned(), value));
        value.or_else(|| lookup(&lower).map(|value| (lower, value)))
    });
    let Some((variable, value)) = found else { return Ok(None) };
    let shown = without_password(&value);
    let refused = || PullError::Setting {
        variable: variable.clone(),
        value: shown.clone(),
        wrong: "a proxy is written http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT, \
                with USER:PASSWORD@ before the host where it asks for them"
            .into(),
    };
    let parsed = Proxy::new(value.trim()).map_err(|_| refused())?;
    let mut proxy = Proxy::builder(parsed.protocol()).host(parsed.host()).port(parsed.port());
    if let Some(user) = parsed.username() {
        proxy = proxy.username(user);
    }
    if let Some(password) = parsed.password() {
        proxy = proxy.password(password);
    }
    let exceptions = lookup("NO_PROXY").or_else(|| lookup("no_proxy")).unwrap_or_default();
    for host in exceptions.split(',').map(str::trim).filter(|host| !host.is_empty()) {
        proxy = proxy.no_proxy(host);
        if !host.starts_with(['.', '*']) {
            proxy = proxy.no_proxy(&format!(".{host}"));
        }
    }
    let proxy = proxy.build().map_err(|_| refused())?;
    Ok(Some((proxy, format!("{variable}={shown}"))))
}

/// `http://user:secret@host` → `http://user:***@host`.
pub(super) fn without_password(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find('/').map_or(url.len(), |at| start + at);
    let Some(at) = url[start..end].rfind('@').map(|at| start + at) else { return url.to_owned() };
    match url[start..at].find(':') {
        Some(colon) => format!("{}:***{}", &url[..start + colon], &url[at..]),
        None => url.to_owned(),
    }
}

fn certificates(path: &str) -> Result<RootCerts, PullError> {
    let refused = |wrong: String| PullError::Setting {
        variable: CERTIFICATES_VARIABLE.into(),
        value: path.into(),
        wrong,
    };
    let pem = std::fs::read(path).map_err(|error| refused(error.to_string()))?;
    let found: Vec<_> = ureq::tls::parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if found.is_empty() {
        return Err(refused("it holds no certificate in PEM form".into()));
    }
    Ok(RootCerts::from(found))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::catalogue::{Origin, RESNET18};

    fn settings(variables: &[(&str, &str)]) -> Result<Settings, PullError> {
        let Origin::Download(file) = RESNET18.origin else { panic!("resnet18 is downloaded") };
        Settings::new("resnet18", &file, &|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_publisher_is_asked_unless_a_mirror_is_named() {
        let url = "https://download.pytorch.org/models/resnet18-f37072fd.pth";
        assert_eq!(settings(&[]).unwrap().url, url);
        assert_eq!(settings(&[(MIRROR_VARIABLE, " ")]).unwrap().url, url);
        let mirror = settings(&[(MIRROR_VARIABLE, "http://mirror.example/m/")]).unwrap();
        assert_eq!(mirror.url, "http://mirror.example/m/resnet18-f37072fd.pth");
        for wrong in ["/srv/models", "file:///srv/models", "https://", "mirror.example"] {
            let message = settings(&[(MIRROR_VARIABLE, wrong)]).unwrap_err().to_string();
            assert!(message.contains(wrong) && message.contains("--from"), "{message}");
        }
    }

    #[test]
    fn the_proxy_is_the_one_for_the_scheme() {
        let both = [
            ("HTTPS_PROXY", "http://secure:1"),
            ("HTTP_PROXY", "http://plain:2"),
            ("ALL_PROXY", "http://any:3"),
        ];
        let host = |variables: &[(&str, &str)]| {
            let made = settings(variables).unwrap();
            made.agent().config().proxy().map(|proxy| proxy.host().to_owned())
        };
        assert_eq!(host(&both).as_deref(), Some("secure"));
        let mirror = (MIRROR_VARIABLE, "http://mirror.example");
        assert_eq!(host(&[&both[..], &[mirror]].concat()).as_deref(), Some("plain"));
        assert_eq!(host(&both[1..]).as_deref(), Some("any"));
        assert_eq!(host(&[("https_proxy", "socks5h://s:4")]).as_deref(), Some("s"));
        assert_eq!(host(&both[1..2]), None);
    }

    #[test]
    fn no_proxy_names_hosts_and_those_below_them() {
        let variables = [("HTTPS_PROXY", "proxy.example:8080"), ("NO_PROXY", "pytorch.org, .inner.example")];
        let made = settings(&variables).unwrap();
        let proxy = made.agent().config().proxy().unwrap().clone();
        let direct = |url: &str| proxy.is_no_proxy(&url.parse().unwrap());
        assert_eq!((proxy.host(), proxy.port()), ("proxy.example", 8080));
        assert!(direct("https://pytorch.org/") && direct("https://download.pytorch.org/"));
        assert!(direct("https://a.inner.example/") && !direct("https://inner.example/"));
        assert!(!direct("https://notpytorch.org/"));
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_named_without_its_password() {
        let message = settings(&[("ALL_PROXY", "gopher://me:secret@host:70")]).unwrap_err().to_string();
        assert!(message.contains("ALL_PROXY") && message.contains("me:***@host"), "{message}");
        assert!(!message.contains("secret"), "{message}");
        let help = settings(&[("ALL_PROXY", "http://me:sec%20ret@host:70")]).unwrap().help;
        assert!(help.contains("ALL_PROXY=http://me:***@host:70"), "{help}");
    }

    #[test]
    fn time_outs_and_certificates_are_checked() {
        assert_eq!(settings(&[(TIMEOUT_VARIABLE, "250")]).unwrap().silence, Duration::from_millis(250));
        for wrong in ["0", "-1", "soon"] {
            assert!(settings(&[(TIMEOUT_VARIABLE, wrong)]).unwrap_err().to_string().contains("milliseconds"));
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path().to_str().unwrap();
        let message = settings(&[(CERTIFICATES_VARIABLE, path)]).unwrap_err().to_string();
        assert!(message.contains("no certificate"), "{message}");
    }
}

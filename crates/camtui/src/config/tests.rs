//! Reading, printing and describing configurations, and the command line before them.

mod described;

use std::path::PathBuf;

use camtui_term::Protocol;
use clap::Parser as _;
use ratatui::style::Color;

use super::settings::{Kind, SETTINGS};

use super::*;
use crate::cli::Cli;
use crate::interactive::command::{Command, TABLE};
use crate::interactive::theme::{Builtin, Paint, Role};

/// Everything at once, nothing as by default.
const RICH: &str = r##"
theme = "night"
model = ["resnet18", "nets/mine.onnx"]
explainer = "cam"
protocol = "sixel"
mouse = false
thumbnails = false
watch = false
resume = true

[view]
alpha = 0.35
colormap = "viridis"
interpolation = "bicubic"
signed = true
mode = "side-by-side"
threshold = 25
contours = true

[panes]
browser = false
browser_width = 40
side = false
side_width = 60

[keys]
quit = ["ctrl-q", "j"]
help = []
save = "s"

[themes.night]
base = "light"
accent = "#ff8000"
selection = { fg = "black", bg = "light-blue", bold = true, italic = false }
"##;

fn good(text: &str) -> Config {
    parse::parse(text.as_bytes()).unwrap_or_else(|mistakes| panic!("{mistakes:#?}")).0
}

/// The mistakes as `LINE:COLUMN text`.
fn wrong(text: impl AsRef<[u8]>) -> Vec<String> {
    let mistakes = parse::parse(text.as_ref()).unwrap_err();
    mistakes.iter().map(|m| format!("{}:{} {}", m.line, m.column, m.text)).collect()
}

fn printed(text: &str) -> String {
    let (config, lines) = parse::parse(text.as_bytes()).unwrap();
    print::print(&Loaded { config, path: Some(PathBuf::from("/c.toml")), found: true, lines }, None)
}

#[test]
fn an_empty_file_is_the_defaults() {
    assert_eq!(good(""), Config::default());
    assert_eq!(good("\u{feff}# nothing\r\n[view]\r\n"), Config::default());
}

#[test]
fn every_setting_arrives() {
    let config = good(RICH);
    let key = |text: &str| text.parse().unwrap();
    assert_eq!(config.theme, "night");
    assert_eq!(config.model, ["resnet18", "nets/mine.onnx"]);
    assert_eq!((config.explainer, config.protocol), (vec!["cam".to_owned()], Some(Protocol::Sixel.into())));
    assert!(!config.mouse && !config.thumbnails && !config.watch && config.resume);
    let view = ViewConfig {
        alpha: 0.35,
        colormap: Some(Colormap::Viridis),
        interpolation: Interpolation::Bicubic,
        signed: true,
        mode: Mode::SideBySide,
        threshold: 25,
        contours: true,
    };
    assert_eq!(config.view, view);
    let panes = PanesConfig { browser: false, browser_width: 40, side: false, side_width: 60 };
    assert_eq!(config.panes, panes);
    assert_eq!(config.keys.command(key("ctrl-q")), Some(Command::Quit));
    assert_eq!(config.keys.command(key("j")), Some(Command::Quit), "taken from the next picture");
    assert_eq!(config.keys.command(key("PageDown")), Some(Command::NextPicture));
    assert_eq!((config.keys.command(key("q")), config.keys.command(key("?"))), (None, None));
    let night = &config.themes["night"];
    assert_eq!(night.base, Builtin::Light);
    let orange = Paint { fg: Some(Color::Rgb(255, 128, 0)), ..Paint::default() };
    let selection = Paint {
        fg: Some(Color::Black),
        bg: Some(Color::LightBlue),
        modifiers: [Some(true), None, None, Some(false)],
    };
    assert_eq!(night.roles, BTreeMap::from([(Role::Accent, orange), (Role::Selection, selection)]));
}

/// A value of each kind that is not the default.
fn other(kind: &Kind) -> String {
    let standard = Config::default();
    match kind {
        Kind::Switch(field) => (!(field.get)(&standard)).to_string(),
        Kind::Number { .. } => "0.25".to_owned(),
        Kind::Whole { most, .. } => (most - 1).to_string(),
        Kind::Choice { field, names } => {
            format!("{:?}", names().into_iter().find(|name| *name != (field.get)(&standard)).unwrap())
        }
        Kind::Theme(_) => "\"mono\"".to_owned(),
        Kind::Texts(_) => "[\"a\\\"b\", 'c\\d']".to_owned(),
    }
}

#[test]
fn each_setting_has_a_place_of_its_own_and_is_printed() {
    for (at, setting) in SETTINGS.iter().enumerate() {
        assert!(SETTINGS[..at].iter().all(|earlier| earlier.path() != setting.path()), "{}", setting.path());
        let header = if setting.table.is_empty() { String::new() } else { format!("[{}]\n", setting.table) };
        let text = format!("{header}{} = {}\n", setting.key, other(&setting.kind));
        let config = good(&text);
        assert_ne!(config, Config::default(), "{text}");
        for another in SETTINGS.iter().filter(|another| another.path() != setting.path()) {
            let values = [&config, &Config::default()].map(|config| print::value(another, config));
            assert_eq!(values[0], values[1], "{} changed {}", setting.path(), another.path());
        }
        assert_eq!(good(&printed(&text)), config, "{text}");
    }
}

#[test]
fn what_is_printed_reads_back_and_says_where_it_comes_from() {
    for text in ["", RICH, "[keys]\nquit = 'j'", "[keys]\nnext-picture = ['PageDown', 'j']"] {
        let again = printed(text);
        assert_eq!(good(&again), good(text), "{again}");
        assert_eq!(printed(&again).lines().count(), again.lines().count());
    }
    let text = printed(RICH);
    for line in [
        "alpha = 0.35 # line 12",
        "theme = \"night\" # line 2",
        "quit = [\"ctrl-q\", \"j\"] # line 27",
        "next-picture = [\"PageDown\"] # another command took a key",
        "previous-picture = [\"k\", \"PageUp\"] # default",
        "[themes.night] # line 31",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} is not in:\n{text}");
    }
    let loaded = load(None, &Places::new(|_| None, None)).unwrap();
    assert!(print::print(&loaded, None).contains("mouse = true # default"));
    let variable = print::print(&loaded, Some("kitty\x1b"));
    assert!(variable.contains("# default; CAMTUI_PROTOCOL=kitty␛ goes before it"), "{variable}");
}

#[test]
fn keys_that_are_written_otherwise_but_mean_the_same_are_equal() {
    let all: String = TABLE.iter().fold("[keys]\n".to_owned(), |text, entry| {
        let keys: Vec<String> = entry.keys.iter().map(|key| format!("{key:?}")).collect();
        format!("{text}{} = [{}]\n", entry.id, keys.join(", "))
    });
    assert_eq!(good(&all), Config::default());
    assert_eq!(good("[keys]\nquit = 'Ctrl-q'"), good("keys.quit = ['ctrl-q']"));
}

#[test]
fn all_mistakes_are_told_with_their_places_and_what_was_meant() {
    let text = r#"themes = 3
theme = "drak"
mouse = "yes"
alpha = 0.3
colour = 1
model = ["a", 2]

[view]
alhpa = 0.3
alpha = 1.5
colormap = "viridos"
threshold = 0
mode = true

[veiw]

[keys]
qiut = "q"
quit = "PageDwn"
next-picture = ["n", "n"]
previous-picture = "n"
help = 1
"#;
    let told = wrong(text);
    let wanted = [
        "1:10 `themes` is a table, written [themes]; this is the number 3",
        "2:9 there is no theme called \"drak\", but dark, light, mono, terminal, auto; did you mean `dark`?",
        "3:9 `mouse` is true or false; this is the text \"yes\"",
        "4:1 there is no setting `alpha`; `alpha` stands in [view]",
        "5:1 there is no setting `colour`",
        "6:15 `model` is a text or a list of texts; this is the number 2",
        "9:1 there is no setting `alhpa` in [view]; did you mean `alpha`?",
        "10:9 `view.alpha` is a number from 0 to 1; this is the number 1.5",
        "11:12 `view.colormap` is one of \"auto\", \"jet\", \"turbo\", \"viridis\", \"inferno\", \"magma\", \"grey\", \
         \"diverging\"; this is the text \"viridos\"; did you mean `viridis`?",
        "12:13 `view.threshold` is a whole number from 1 to 100; this is the number 0",
        "13:8 `view.mode` is one of \"overlay\", \"map\", \"picture\", \"side-by-side\"; this is true",
        "15:2 there is no setting `veiw`; did you mean `view`?",
        "18:1 there is no command `qiut`; did you mean `quit`?",
        "19:8 `PageDwn` is no key; keys are written j, G, ?, Space, Tab, Esc, Enter, Left, PageDown, F1, ctrl-s, \
         alt-Left, shift-Tab; did you mean `PageDown`?",
        "20:22 the key n is given already: to `next-picture` on line 20",
        "21:20 the key n is given already: to `next-picture` on line 20",
        "22:8 `keys.help` is a key or a list of keys, as text; this is the number 1",
    ];
    for (told, wanted) in told.iter().zip(wanted) {
        assert_eq!(told, wanted);
    }
    assert_eq!(told.len(), wanted.len(), "{told:#?}");
}

#[test]
fn mistakes_in_themes_are_told() {
    let told = wrong(
        "[themes.dark]\n[themes.'a b']\n[themes.mine]\nbase = 'lihgt'\naccnt = 'red'\nbar = 'rde'\nkey = 1\n\
         mark = { fg = 3, blod = true, bold = 1 }\ntitle = '#12345'\n",
    );
    let starts = [
        "1:9 the theme dark is built in",
        "2:9 \"a b\" is no name for a theme",
        "4:8 `themes.mine.base` is one of the built-in themes dark, light, mono, terminal; this is the text \"lihgt\"; did \
         you mean `light`?",
        "5:1 a theme has no role `accnt`; did you mean `accent`?",
        "6:7 `themes.mine.bar` is a colour: \"#rrggbb\" or a name such as \"light-blue\"; this is the text \"rde\"; did you \
         mean `red`?",
        "7:7 `themes.mine.key` is a colour",
        "8:15 `themes.mine.mark.fg` is a colour",
        "8:18 a role has no `blod`; did you mean `bold`?",
        "8:38 `themes.mine.mark.bold` is true or false; this is the number 1",
        "9:9 `themes.mine.title` is a colour",
    ];
    for (told, start) in told.iter().zip(starts) {
        assert!(told.starts_with(start), "{told}\n{start}");
    }
    assert_eq!(told.len(), starts.len(), "{told:#?}");
}

#[test]
fn broken_toml_is_told_beside_other_mistakes() {
    let told = wrong("mouse = \nwatch = true\nwatch = false\n[view]\nalpha = = 3\nmode = 'none'\n[view\n");
    let lines: Vec<&str> = told.iter().map(|text| text.split(':').next().unwrap()).collect();
    assert_eq!(lines, ["1", "3", "5", "6", "7"], "{told:#?}");
    assert!(told[0].contains("this is no TOML"), "{told:#?}");
    assert!(told[1].contains("duplicate key"), "{told:#?}");
    assert!(told[3].contains("view.mode"), "{told:#?}");
    assert_eq!(wrong(b"a = 1\n\xffb"), ["2:1 this is no UTF-8 text"]);
}

#[test]
fn nobody_is_locked_in() {
    let told = wrong("[keys]\nquit = []\ninterrupt = []\npalette = []\n");
    assert_eq!(told, ["2:1 no key is left to leave with: `quit`, `interrupt` or `palette` needs one"]);
    good("[keys]\nquit = []\ninterrupt = []\n");
}

#[test]
fn odd_values_are_no_numbers() {
    for value in ["nan", "inf", "-0.1", "1e99", "0x1", "1979-05-27", "'0.5'", "[0.5]"] {
        assert_eq!(wrong(format!("[view]\nalpha = {value}")).len(), 1, "{value}");
    }
    for (value, wanted) in [("1", 1.0), ("0", 0.0), ("+0.5", 0.5), ("5e-1", 0.5), ("0.2_5", 0.25)] {
        assert!((good(&format!("[view]\nalpha = {value}")).view.alpha - wanted).abs() < 1e-9, "{value}");
    }
    for value in ["-1", "70000", "10.0", "101"] {
        assert_eq!(wrong(format!("[view]\nthreshold = {value}")).len(), 1, "{value}");
    }
    assert_eq!(good("[view]\nthreshold = 0x0a").view.threshold, 10);
}

#[test]
fn a_named_file_must_be_there_and_the_usual_one_need_not() {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::new(|_| Some(folder.path().join("config").into()), None);
    let nothing = load(None, &places).unwrap();
    assert_eq!((nothing.config, nothing.found), (Config::default(), false));
    let missing = folder.path().join("no.toml");
    let text = load(Some(&missing), &places).unwrap_err().to_string();
    assert!(text.starts_with("cannot read the configuration") && text.contains("no.toml"), "{text}");
    std::fs::create_dir_all(folder.path().join("config").join(FILE)).unwrap();
    assert!(matches!(load(None, &places), Err(ConfigError::Unreadable { .. })), "a folder is no file");

    std::fs::write(&missing, "mouse = 1\nwach = true").unwrap();
    let text = load(Some(&missing), &places).unwrap_err().to_string();
    let file = missing.display();
    assert_eq!(
        text,
        format!(
            "{file}:1:9: `mouse` is true or false; this is the number 1\n\
             {file}:2:1: there is no setting `wach`; did you mean `watch`?"
        )
    );
    std::fs::write(&missing, vec![b'#'; (1 << 20) + 1]).unwrap();
    assert!(load(Some(&missing), &places).unwrap_err().to_string().contains("larger than 1 MiB"));
}

#[test]
fn flags_go_before_the_configuration() {
    let args = |words: &[&str]| {
        let mut args = Cli::try_parse_from([&["camtui"], words].concat()).unwrap().explain;
        args.settings = good(RICH);
        args
    };
    let none = args(&[]);
    assert!((none.alpha() - 0.35).abs() < 1e-6 && none.signed() && none.resume());
    assert_eq!((none.interpolation(), none.models().len()), (Interpolation::Bicubic, 2));
    assert_eq!(none.explainers(), ["cam"]);
    let given = args(&[
        "--alpha=0.9",
        "--signed=false",
        "--interpolation=nearest",
        "-m=x",
        "-e=a,b",
        "--protocol=kitty",
    ]);
    assert!((given.alpha() - 0.9).abs() < 1e-6 && !given.signed());
    assert_eq!((given.interpolation(), given.models()), (Interpolation::Nearest, &["x".to_owned()][..]));
    assert_eq!((given.explainers().len(), given.protocol()), (2, Some(Protocol::Kitty.into())));
    assert_eq!(args(&["--protocol=auto"]).protocol(), None);
    assert!(args(&["--plugin=x.so"]).explainers().is_empty(), "the library's own is meant");
    let plain = Cli::try_parse_from(["camtui", "--signed", "a.png"]).unwrap().explain;
    assert!(plain.signed() && !plain.resume() && plain.paths.len() == 1);
    for setting in SETTINGS {
        if let Some(flag) = setting.flag {
            let long = flag.trim_start_matches('-');
            let command = <Cli as clap::CommandFactory>::command();
            assert!(command.get_arguments().any(|argument| argument.get_long() == Some(long)), "{flag}");
        }
    }
}

//! What the SDK promises may grow and nothing else: its public items, one a line, made from the sources, beside those of
//! the versions that went out (`tests/frozen/1.0/api.txt`). `sdk_user.rs` there says the same by using them.
//!
//! A line says all that a user can rely on, so whatever breaks a user changes or removes a line: an enum that may be
//! matched without a wildcard and a struct whose fields are all public are one line, and so is what a trait requires.
//! `CAMTUI_WRITE_API=1` writes the file anew when a version is frozen; `CONTRIBUTING.md` says when that is.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use quote::ToTokens;
use syn::{Attribute, Fields, ImplItem, Item, TraitItem, Type, UseTree, Visibility};

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../camtui-plugin/src")
}

fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/frozen/1.0/api.txt")
}

/// Tokens with spaces only where two words would become one.
fn text(tokens: &impl ToTokens) -> String {
    let spaced = tokens.to_token_stream().to_string();
    let mut out = String::new();
    let mut rest = spaced.chars().filter(|c| *c != '\n').peekable();
    let word = |c: char| c.is_alphanumeric() || c == '_' || c == '\'';
    while let Some(c) = rest.next() {
        let between = out.chars().last().is_some_and(word) && rest.peek().copied().is_some_and(word);
        if c != ' ' || between {
            out.push(c);
        }
    }
    out
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn has(attributes: &[Attribute], name: &str) -> bool {
    attributes.iter().any(|attribute| attribute.path().is_ident(name))
}

fn is_hidden(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|a| a.path().is_ident("doc") && text(a).contains("(hidden)"))
}

/// A function as its caller sees it: the names of the arguments are its own affair.
fn signature(sig: &syn::Signature) -> String {
    let argument = |input: &syn::FnArg| match input {
        // Whether it is `mut` inside is the function's own affair as well.
        syn::FnArg::Receiver(own) if own.reference.is_none() => "self".into(),
        syn::FnArg::Receiver(receiver) => text(receiver),
        syn::FnArg::Typed(argument) => text(&argument.ty),
    };
    let arguments: Vec<String> = sig.inputs.iter().map(argument).collect();
    let kind = [
        sig.constness.as_ref().map(|_| "const "),
        sig.asyncness.as_ref().map(|_| "async "),
        sig.unsafety.as_ref().map(|_| "unsafe "),
        sig.abi.as_ref().map(|_| "extern "),
    ];
    let kind: String = kind.into_iter().flatten().collect();
    let bounds = sig.generics.where_clause.as_ref().map(|clause| format!(" {}", text(clause)));
    format!(
        "{kind}fn {}{}({}){}{}",
        sig.ident,
        text(&sig.generics),
        arguments.join(","),
        text(&sig.output),
        bounds.unwrap_or_default()
    )
}

/// The derived traits of an item.
fn derived(attributes: &[Attribute]) -> Vec<String> {
    let mut traits = Vec::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        attribute
            .parse_nested_meta(|meta| {
                traits.push(text(&meta.path));
                Ok(())
            })
            .unwrap();
    }
    traits
}

/// The public items of one module, below `path`.
struct Listing<'a> {
    /// Reads the file of a module.
    read: &'a dyn Fn(&str) -> String,
    lines: BTreeSet<String>,
}

/// The files of the SDK.
fn listing(read: &dyn Fn(&str) -> String) -> BTreeSet<String> {
    let mut listing = Listing { read, lines: BTreeSet::new() };
    listing.module("", "lib", "");
    listing.lines
}

impl Listing<'_> {
    /// Lists the module in the file `file`, whose own modules lie in `folder`.
    fn module(&mut self, path: &str, file: &str, folder: &str) {
        let parsed = syn::parse_file(&(self.read)(file)).unwrap();
        let mut exported: Vec<(String, BTreeSet<String>)> = Vec::new();
        for item in &parsed.items {
            match item {
                Item::Mod(inner)
                    if is_public(&inner.vis) && !is_hidden(&inner.attrs) && !has(&inner.attrs, "cfg") =>
                {
                    let name = inner.ident.to_string();
                    let below = format!("{folder}{name}");
                    self.module(&format!("{path}{name}::"), &below, &format!("{below}/"));
                }
                Item::Use(used) if is_public(&used.vis) && !is_hidden(&used.attrs) => {
                    if let UseTree::Path(from) = &used.tree {
                        exported.push((from.ident.to_string(), names(&from.tree)));
                    }
                }
                _ => {}
            }
        }
        self.items(path, &parsed.items, None);
        for (module, names) in exported {
            let private = syn::parse_file(&(self.read)(&format!("{folder}{module}"))).unwrap();
            self.items(path, &private.items, Some(&names));
        }
        // Exported macros are at the root, wherever they are written.
        for item in parsed.items.iter().filter(|_| path.is_empty()) {
            if let Item::Mod(inner) = item
                && inner.content.is_none()
                && !has(&inner.attrs, "cfg")
            {
                for item in syn::parse_file(&(self.read)(&inner.ident.to_string())).unwrap().items {
                    if let Item::Macro(defined) = item
                        && has(&defined.attrs, "macro_export")
                        && let Some(name) = defined.ident
                    {
                        self.lines.insert(format!("macro {name}!"));
                    }
                }
            }
        }
    }

    /// Lists items: all public ones, or only those of `names`.
    fn items(&mut self, path: &str, items: &[Item], names: Option<&BTreeSet<String>>) {
        let seen = |name: &syn::Ident| names.is_none_or(|names| names.contains(&name.to_string()));
        for item in items {
            let lines = match item {
                Item::Const(c) if is_public(&c.vis) && seen(&c.ident) => {
                    vec![format!("const {path}{}:{}={}", c.ident, text(&c.ty), text(&c.expr))]
                }
                Item::Type(t) if is_public(&t.vis) && seen(&t.ident) => {
                    vec![format!("type {path}{}={}", t.ident, text(&t.ty))]
                }
                Item::Fn(f) if is_public(&f.vis) && seen(&f.sig.ident) && !is_hidden(&f.attrs) => {
                    vec![format!("{path}{}", signature(&f.sig))]
                }
                Item::Struct(s) if is_public(&s.vis) && seen(&s.ident) && !is_hidden(&s.attrs) => {
                    structure(path, s)
                }
                Item::Enum(e) if is_public(&e.vis) && seen(&e.ident) => enumeration(path, e),
                Item::Trait(t) if is_public(&t.vis) && seen(&t.ident) && !is_hidden(&t.attrs) => {
                    required(path, t)
                }
                Item::Impl(i) => implemented(path, i, &seen),
                _ => vec![],
            };
            self.lines.extend(lines);
        }
    }
}

/// The names that a `use` brings.
fn names(tree: &UseTree) -> BTreeSet<String> {
    match tree {
        UseTree::Name(name) => BTreeSet::from([name.ident.to_string()]),
        UseTree::Group(group) => group.items.iter().flat_map(names).collect(),
        _ => panic!("a public `use` of another form: {}", text(tree)),
    }
}

fn structure(path: &str, item: &syn::ItemStruct) -> Vec<String> {
    let head = format!("struct {path}{}{}", item.ident, text(&item.generics));
    let fields: Vec<&syn::Field> = item.fields.iter().collect();
    let field =
        |f: &syn::Field| format!("{}:{}", f.ident.as_ref().map(text).unwrap_or_default(), text(&f.ty));
    let mut lines: Vec<String> =
        derived(&item.attrs).iter().map(|name| format!("impl {name} for {path}{}", item.ident)).collect();
    // The structs of the C interface grow at their end; their layout has tests of its own.
    let grows = item.attrs.iter().any(|a| a.path().is_ident("repr")) || has(&item.attrs, "non_exhaustive");
    if !grows && !fields.is_empty() && fields.iter().all(|f| is_public(&f.vis)) {
        let fields: Vec<String> = fields.iter().map(|f| field(f)).collect();
        lines.push(format!("{head} {{{}}}", fields.join(",")));
    } else {
        lines.push(head);
        let public = fields.iter().filter(|f| is_public(&f.vis));
        lines.extend(public.map(|f| format!("field {path}{}.{}", item.ident, field(f))));
    }
    lines
}

fn enumeration(path: &str, item: &syn::ItemEnum) -> Vec<String> {
    let head = format!("enum {path}{}{}", item.ident, text(&item.generics));
    let variant = |v: &syn::Variant| {
        let fields = match &v.fields {
            Fields::Unit => String::new(),
            fields => fields.iter().map(|f| text(&f.ty)).collect::<Vec<_>>().join(","),
        };
        format!("{}({fields})", v.ident)
    };
    let variants: Vec<String> = item.variants.iter().map(variant).collect();
    let mut lines: Vec<String> =
        derived(&item.attrs).iter().map(|name| format!("impl {name} for {path}{}", item.ident)).collect();
    if has(&item.attrs, "non_exhaustive") {
        lines.push(format!("non_exhaustive {head}"));
        lines.extend(variants.iter().map(|v| format!("variant {path}{}::{v}", item.ident)));
    } else {
        lines.push(format!("{head} {{{}}}", variants.join(",")));
    }
    lines
}

/// A trait: what its implementors must give in one line, each thing that they may leave out in one of its own.
fn required(path: &str, item: &syn::ItemTrait) -> Vec<String> {
    let (mut must, mut may) = (Vec::new(), Vec::new());
    for inner in &item.items {
        match inner {
            TraitItem::Fn(f) if f.default.is_some() => {
                may.push(format!("provided {path}{}::{}", item.ident, signature(&f.sig)));
            }
            TraitItem::Fn(f) => must.push(signature(&f.sig)),
            other => must.push(text(other)),
        }
    }
    may.push(format!("trait {path}{}:{} {{{}}}", item.ident, text(&item.supertraits), must.join(";")));
    may
}

fn implemented(path: &str, item: &syn::ItemImpl, seen: &dyn Fn(&syn::Ident) -> bool) -> Vec<String> {
    let Type::Path(of) = &*item.self_ty else { return vec![] };
    let Some(of) = of.path.segments.last().filter(|last| seen(&last.ident)) else { return vec![] };
    if let Some((bang, implemented, _)) = &item.trait_ {
        let bang = if bang.is_some() { "!" } else { "" };
        return vec![format!("impl {bang}{} for {path}{}", text(implemented), of.ident)];
    }
    let mut lines = Vec::new();
    for inner in &item.items {
        match inner {
            ImplItem::Fn(f) if is_public(&f.vis) && !is_hidden(&f.attrs) => {
                lines.push(format!("{path}{}::{}", of.ident, signature(&f.sig)));
            }
            ImplItem::Const(c) if is_public(&c.vis) => {
                lines.push(format!("const {path}{}::{}:{}", of.ident, c.ident, text(&c.ty)));
            }
            _ => {}
        }
    }
    lines
}

/// Reads a module's file, `NAME.rs` or `NAME/mod.rs`.
fn read(name: &str) -> String {
    let beside = sources().join(format!("{name}.rs"));
    let path = if beside.exists() { beside } else { sources().join(name).join("mod.rs") };
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Lines of the frozen listing that today's has not.
fn missing(frozen: &BTreeSet<String>, today: &BTreeSet<String>) -> Vec<String> {
    frozen.difference(today).cloned().collect()
}

#[test]
fn the_sdk_still_has_all_that_went_out() {
    let today = listing(&read);
    if std::env::var_os("CAMTUI_WRITE_API").is_some() {
        let lines: Vec<&str> = today.iter().map(String::as_str).collect();
        fs::write(frozen(), lines.join("\n") + "\n").unwrap();
    }
    let frozen: BTreeSet<String> =
        fs::read_to_string(frozen()).unwrap().lines().map(ToOwned::to_owned).collect();
    assert!(frozen.len() > 100, "{}", frozen.len());
    assert_eq!(missing(&frozen, &today), [""; 0], "a plugin may rely on it; see CONTRIBUTING.md");
}

#[test]
fn what_would_break_a_user_is_seen_and_what_would_not_is_let_pass() {
    let before = listing(&read);
    let changed = |file: &str, old: &str, new: &str| {
        let source = read(file);
        assert!(source.contains(old), "{file}: {old}");
        let source = source.replacen(old, new, 1);
        listing(&|name| if name == file { source.clone() } else { read(name) })
    };
    for (file, old, new) in [
        ("session", "pub fn logits(&self)", "pub fn answers(&self)"),
        ("session", "pub fn logits(&self)", "pub(crate) fn logits(&self)"),
        ("session", "pub fn classes(&self) -> usize", "pub fn classes(&self) -> u32"),
        ("session", "    /// At the model's input.\n    Image,", "    Image,\n    Nowhere,"),
        ("session", "pub pooled: Option<Layer>,", "pub pooled: Option<Layer>,\n    pub more: u32,"),
        (
            "session",
            "derive(Clone, Debug, PartialEq)]\npub struct View",
            "derive(Clone, Debug)]\npub struct View",
        ),
        ("map", "name: impl Into<String>,\n        height", "name: String,\n        height"),
        ("params", "pub fn bool(&self, key: &str)", "pub fn bool(&mut self, key: &str)"),
        ("error", "#[non_exhaustive]\n", ""),
        ("error", "impl From<&str> for Error", "impl From<&String> for Error"),
        ("lib", "pub use map::Map;", "use map::Map;"),
        ("lib", "Send + Sync + 'static {", "Send + Sync + Clone + 'static {"),
        (
            "lib",
            "    /// The map of `session`'s target",
            "    fn more(&self);\n    /// The map of `session`'s target",
        ),
        ("describe", "impl From<RangeInclusive<i32>> for Bounds", "impl From<RangeInclusive<u8>> for Bounds"),
        ("entry", "#[macro_export]\n", ""),
        ("abi", "pub const INVALID: u32 = 4;", "pub const INVALID: u32 = 5;"),
        ("abi", "    /// Number of classes.\n    pub classes: u32,", ""),
    ] {
        assert!(!missing(&before, &changed(file, old, new)).is_empty(), "{new:?} goes unseen");
    }
    for (file, old, new) in [
        ("session", "pub fn logits(&self)", "pub fn more(&self) {}\n    pub fn logits(&self)"),
        (
            "session",
            "pub fn forward(&self, shape: &[usize], inputs",
            "pub fn forward(&self, shape: &[usize], x",
        ),
        ("error", "    Cancelled,\n}", "    Cancelled,\n    TooLate,\n}"),
        (
            "lib",
            "    /// The map of `session`'s target",
            "    fn more(&self) {}\n    /// The map of `session`'s target",
        ),
        ("map", "pub(crate) notes: Vec<String>,", "pub(crate) lines: Vec<String>,"),
        ("abi", "    /// Number of classes.\n", "    /// How many.\n"),
    ] {
        assert_eq!(missing(&before, &changed(file, old, new)), [""; 0], "{new:?} breaks nobody");
    }
}

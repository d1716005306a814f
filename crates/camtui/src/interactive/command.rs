//! What a user can ask for, as one table: the key bindings, the footer, the help and the command palette are all made
//! from it, and a config file names commands by its ids.

/// Everything that a key, a click or the palette can ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Command {
    /// Leave.
    Quit,
    /// Show or hide the keys.
    Help,
    /// Find any command by name.
    Palette,
    /// Close the topmost thing, or cancel what is being computed. Never quits.
    Close,
    /// Go to the next picture, or from the last one to the first.
    NextPicture,
    /// Go to the picture before.
    PreviousPicture,
    /// Go to the first picture of the list.
    FirstPicture,
    /// Go to the last picture of the list.
    LastPicture,
    /// Filter the list of pictures by typing.
    SearchPictures,
    /// Sort the list otherwise: by name, class, probability.
    SortPictures,
    /// Mark or unmark the picture.
    Mark,
    /// List only marked pictures, or all.
    OnlyMarked,
    /// Add a folder or file to the list.
    Open,
    /// Explain the next likely class.
    NextClass,
    /// Explain the class that is a little likelier.
    PreviousClass,
    /// Choose any class by name.
    ChooseClass,
    /// Why this class and not the runner-up?
    WhyNot,
    /// Why this class and not another: choose the other by name.
    ChooseContrast,
    /// Back to the class that the command line asked for.
    AskedClass,
    /// The next explainer.
    NextExplainer,
    /// The explainer before.
    PreviousExplainer,
    /// Choose an explainer by name.
    ChooseExplainer,
    /// A deeper layer, towards the classes.
    NextLayer,
    /// A shallower layer, towards the picture.
    PreviousLayer,
    /// Choose a layer by name.
    ChooseLayer,
    /// Set the explainer's parameters.
    Parameters,
    /// Choose a model by name.
    ChooseModel,
    /// Smooth the map in the next way, or not at all.
    NextSmoothing,
    /// More opaque colours.
    MoreOpaque,
    /// Less opaque colours.
    LessOpaque,
    /// The next colour map.
    NextColormap,
    /// Choose a colour map by name.
    ChooseColormap,
    /// The next kind of interpolation.
    NextInterpolation,
    /// With or without what speaks against the class.
    Signed,
    /// Heat map over the picture, heat map alone, picture alone, side by side.
    NextMode,
    /// Picture alone, and back.
    PictureOnly,
    /// Show only the top share of the map: 100, 50, 25, 10, 5 %.
    Threshold,
    /// Draw lines of equal value.
    Contours,
    /// Larger.
    ZoomIn,
    /// Smaller.
    ZoomOut,
    /// The whole picture.
    ZoomReset,
    /// Move the view or the crosshair to the left.
    Left,
    /// Move the view or the crosshair to the right.
    Right,
    /// Move the view or the crosshair up.
    Up,
    /// Move the view or the crosshair down.
    Down,
    /// Read the map's value and the picture's pixel at a point.
    Crosshair,
    /// Compare explainers on layers.
    CompareExplainers,
    /// Compare the likeliest classes.
    CompareClasses,
    /// Compare models.
    CompareModels,
    /// Measure what the maps on screen are worth.
    Measure,
    /// Compare and measure what suits, and say what is best.
    Advise,
    /// Choose which explainers and layers are compared.
    ChooseCompared,
    /// Save what is seen.
    Save,
    /// Copy the picture's path.
    CopyPath,
    /// Copy the result as JSON.
    CopyJson,
    /// Undo the last change of view.
    Undo,
    /// Take the undoing back.
    Redo,
    /// Show or hide the list of pictures.
    ToggleBrowser,
    /// Show or hide predictions and settings.
    ToggleSide,
    /// Make the list of pictures wider.
    WidenBrowser,
    /// Make the list of pictures narrower.
    NarrowBrowser,
    /// Make predictions and settings wider.
    WidenSide,
    /// Make predictions and settings narrower.
    NarrowSide,
    /// Show what was said before.
    Messages,
    /// Paint everything anew.
    Redraw,
    /// Hand the terminal back to the shell until the job is continued.
    Suspend,
    /// Leave as an interrupted program does.
    Interrupt,
}

/// Where a command stands in the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Which picture.
    Pictures,
    /// What is asked of the model.
    Question,
    /// How the answer is drawn.
    View,
    /// Several answers side by side.
    Compare,
    /// Files and clipboard.
    Keep,
    /// The program itself.
    Program,
}

impl Group {
    /// All groups, in the help's order.
    pub const ALL: [Self; 6] =
        [Self::Pictures, Self::Question, Self::View, Self::Compare, Self::Keep, Self::Program];

    /// Its heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Pictures => "pictures",
            Self::Question => "question",
            Self::View => "view",
            Self::Compare => "compare",
            Self::Keep => "keep",
            Self::Program => "program",
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Entry {
    /// What it does.
    pub command: Command,
    /// Its name in the palette and in config files; never changes.
    pub id: &'static str,
    /// Its keys unless a config file says otherwise, as [`Key`](super::keys::Key) reads them.
    pub keys: &'static [&'static str],
    /// What it does, in words.
    pub help: &'static str,
    /// Its word in the footer, if it has a place there.
    pub hint: Option<&'static str>,
    /// Where it stands in the help.
    pub group: Group,
}

const fn row(
    command: Command,
    id: &'static str,
    keys: &'static [&'static str],
    help: &'static str,
    hint: Option<&'static str>,
    group: Group,
) -> Entry {
    Entry { command, id, keys, help, hint, group }
}

/// All commands. The footer shows its hints in this order, as many as fit.
#[rustfmt::skip]
pub const TABLE: &[Entry] = {
    use Command as C;
    use Group::{Compare, Keep, Pictures, Program, Question, View};
    &[
        row(C::Quit, "quit", &["q"], "quit", Some("quit"), Program),
        row(C::Help, "help", &["?", "F1"], "show or hide these keys", Some("help"), Program),
        row(C::Palette, "palette", &[":", "ctrl-p"], "find any command by name", Some("commands"), Program),

        row(C::NextPicture, "next-picture", &["j", "PageDown"], "next picture", Some("next"), Pictures),
        row(C::PreviousPicture, "previous-picture", &["k", "PageUp"], "previous picture", None, Pictures),
        row(C::FirstPicture, "first-picture", &["g", "Home"], "first picture of the list", None, Pictures),
        row(C::LastPicture, "last-picture", &["G", "End"], "last picture of the list", None, Pictures),
        row(C::SearchPictures, "search-pictures", &["/"], "search the list by typing", Some("search"), Pictures),
        row(C::SortPictures, "sort-pictures", &["S"], "sort by name, class or probability", None, Pictures),
        row(C::Mark, "mark", &["Space"], "mark or unmark the picture", None, Pictures),
        row(C::OnlyMarked, "only-marked", &["*"], "list marked pictures only, or all", None, Pictures),
        row(C::Open, "open", &["O"], "add a folder or a picture", None, Pictures),

        row(C::NextClass, "next-class", &["n", "Tab"], "explain the next likely class", Some("class"), Question),
        row(C::PreviousClass, "previous-class", &["N", "shift-Tab"], "explain the likelier class", None, Question),
        row(C::WhyNot, "why-not", &["w"], "why this class and not the runner-up?", Some("why not"), Question),
        row(C::ChooseClass, "class", &["t"], "choose a class by name", None, Question),
        row(C::ChooseContrast, "contrast", &["W"], "why this class and not …? choose the other", None, Question),
        row(C::AskedClass, "asked-class", &["T"], "back to the class first asked for", None, Question),
        row(C::ChooseExplainer, "explainer", &["e"], "choose an explainer", Some("explainer"), Question),
        row(C::NextExplainer, "next-explainer", &["]"], "next explainer", None, Question),
        row(C::PreviousExplainer, "previous-explainer", &["["], "previous explainer", None, Question),
        row(C::ChooseLayer, "layer", &["l"], "choose a layer", Some("layer"), Question),
        row(C::NextLayer, "next-layer", &["}"], "deeper layer, towards the classes", None, Question),
        row(C::PreviousLayer, "previous-layer", &["{"], "shallower layer, towards the picture", None, Question),
        row(C::Parameters, "parameters", &["p"], "set the explainer's parameters", None, Question),
        row(C::ChooseModel, "model", &["m"], "choose a model", None, Question),
        row(C::NextSmoothing, "smooth", &["B"], "smooth: over changed pictures, principal component, both, not", None, Question),

        row(C::CompareExplainers, "compare-explainers", &["c"], "compare explainers on layers", Some("compare"), Compare),
        row(C::CompareClasses, "compare-classes", &["C"], "compare the likeliest classes", None, Compare),
        row(C::CompareModels, "compare-models", &["M"], "compare models on this picture", None, Compare),
        row(C::Measure, "measure", &["a"], "how far to believe the map: measure what is seen", None, Compare),
        row(C::Advise, "advise", &["A"], "which explainer on which layer? compare and measure what suits", None, Compare),
        row(C::ChooseCompared, "choose-compared", &["E"], "choose what is compared", None, Compare),

        row(C::MoreOpaque, "more-opaque", &["+", "="], "more opaque colours", None, View),
        row(C::LessOpaque, "less-opaque", &["-"], "less opaque colours", None, View),
        row(C::NextMode, "mode", &["v"], "over the picture, map alone, picture alone, side by side", None, View),
        row(C::PictureOnly, "picture-only", &["o"], "picture alone, and back", None, View),
        row(C::NextColormap, "next-colormap", &["x"], "next colour map", None, View),
        row(C::ChooseColormap, "colormap", &["X"], "choose a colour map", None, View),
        row(C::NextInterpolation, "interpolation", &["i"], "bilinear, nearest, bicubic", None, View),
        row(C::Signed, "signed", &["s"], "with or without what speaks against the class", None, View),
        row(C::Threshold, "threshold", &["h"], "only the top 50, 25, 10, 5 % of the map, or all", None, View),
        row(C::Contours, "contours", &["L"], "lines of equal value", None, View),
        row(C::ZoomIn, "zoom-in", &["z", ">"], "larger", None, View),
        row(C::ZoomOut, "zoom-out", &["Z", "<"], "smaller", None, View),
        row(C::ZoomReset, "zoom-reset", &["0"], "the whole picture", None, View),
        row(C::Left, "left", &["Left"], "pan or move the crosshair left", None, View),
        row(C::Right, "right", &["Right"], "pan or move the crosshair right", None, View),
        row(C::Up, "up", &["Up"], "pan or move the crosshair up; else previous picture", None, View),
        row(C::Down, "down", &["Down"], "pan or move the crosshair down; else next picture", None, View),
        row(C::Crosshair, "crosshair", &["r"], "read values at a point", None, View),
        row(C::Undo, "undo", &["u"], "undo the last change of view", None, View),
        row(C::Redo, "redo", &["U", "ctrl-r"], "take the undoing back", None, View),

        row(C::Save, "save", &["ctrl-s", "f"], "save what is seen", Some("save"), Keep),
        row(C::CopyPath, "copy-path", &["y"], "copy the picture's path", None, Keep),
        row(C::CopyJson, "copy-json", &["Y"], "copy the result as JSON", None, Keep),

        row(C::ToggleBrowser, "toggle-browser", &["b"], "show or hide the list of pictures", None, Program),
        row(C::ToggleSide, "toggle-side", &["d"], "show or hide predictions and settings", None, Program),
        row(C::WidenBrowser, "widen-browser", &["ctrl-Right"], "wider list of pictures", None, Program),
        row(C::NarrowBrowser, "narrow-browser", &["ctrl-Left"], "narrower list of pictures", None, Program),
        row(C::WidenSide, "widen-side", &["alt-Left"], "wider predictions", None, Program),
        row(C::NarrowSide, "narrow-side", &["alt-Right"], "narrower predictions", None, Program),
        row(C::Messages, "messages", &["!"], "what was said before", None, Program),
        row(C::Close, "close", &["Esc"], "close this, or cancel", None, Program),
        row(C::Redraw, "redraw", &["ctrl-l"], "paint everything anew", None, Program),
        row(C::Suspend, "suspend", &["ctrl-z"], "suspend (fg continues)", None, Program),
        row(C::Interrupt, "interrupt", &["ctrl-c"], "interrupt", None, Program),
    ]
};

impl Command {
    /// Its row.
    pub fn entry(self) -> &'static Entry {
        TABLE.iter().find(|entry| entry.command == self).expect("every command has a row")
    }

    /// The command of that id.
    pub fn of_id(id: &str) -> Option<Self> {
        TABLE.iter().find(|entry| entry.id == id).map(|entry| entry.command)
    }
}

#[cfg(test)]
mod tests {
    use super::super::keys::Key;
    use super::*;

    #[test]
    fn ids_are_unique_and_lead_back() {
        for entry in TABLE {
            assert_eq!(Command::of_id(entry.id), Some(entry.command), "{}", entry.id);
            assert_eq!(entry.command.entry().id, entry.id);
            assert!(entry.id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{}", entry.id);
        }
    }

    #[test]
    fn keys_that_the_readme_names_do_something() {
        let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md");
        let text = std::fs::read_to_string(readme).unwrap();
        let (_, section) = text.split_once("### Interactive").unwrap();
        let (section, _) = section.split_once("\n### ").unwrap();
        let bound: Vec<Key> =
            TABLE.iter().flat_map(|entry| entry.keys).map(|key| key.parse().unwrap()).collect();
        let mut named = 0;
        for (at, words) in section.split('`').enumerate() {
            // What stands between two backticks, where it is a key; Enter is the dialogs' own.
            if let (1, true, Ok(key)) = (at % 2, words.is_ascii(), words.parse::<Key>())
                && words != "Enter"
            {
                assert!(bound.contains(&key), "README.md names `{words}`, which no command has");
                named += 1;
            }
        }
        assert!(named > 40, "{named}");
    }
}

//! A session with made-up pictures, models and answers, brought into any state by the actions that would do it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use camtui_core::heatmap::{Heatmap, Ranks};
use camtui_core::picture::{Photo, Rect};
use camtui_term::{Capabilities, Colours, Protocol};
use image::{Rgba, RgbaImage};

use crate::interactive::action::{Action, Effect, Slot, Tiled};
use crate::interactive::analyst::{
    Catalogue, Class, ExplainerInfo, Explanation, Figure, LayerInfo, ModelDetails, NewPicture, ParamInfo,
    ParamKind, Prediction, Question, Target, Worth,
};
use crate::interactive::browser::Sort;
use crate::interactive::command::Command;
use crate::interactive::keys::Keymap;
use crate::interactive::layout::Panes;
use crate::interactive::look::Look;
use crate::interactive::picture;
use crate::interactive::state::{Start, State};

/// Classes that the made-up models know, the likeliest first.
const LABELS: [(&str, f32); 12] = [
    ("Samoyed", 0.873),
    ("white wolf", 0.041),
    ("Arctic fox", 0.032),
    ("Eskimo dog", 0.021),
    ("Great Pyrenees", 0.011),
    ("keeshond", 0.008),
    ("Pomeranian", 0.004),
    ("American Staffordshire terrier, Staffordshire terrier", 0.002),
    ("Great \u{1b}[31mDane", 0.001),
    ("犬の種類と狼の種類", 0.0005),
    ("crane", 0.0),
    ("crane (bird)", 0.0),
];

pub fn question() -> Question {
    Question {
        picture: 0,
        model: 0,
        target: Target::Asked,
        explainer: 0,
        params: Vec::new(),
        layers: Vec::new(),
        smooth: crate::smooth::Smooth::default(),
    }
}

pub fn catalogue() -> Catalogue {
    let explainer = |id: &str, summary: &str, params| ExplainerInfo {
        id: id.to_owned(),
        summary: summary.to_owned(),
        params,
        gradients: true,
        slow: false,
        class_agnostic: false,
        gone: false,
    };
    let param = |key: &str, help: &str, kind, default: &str| ParamInfo {
        key: key.to_owned(),
        help: help.to_owned(),
        kind,
        default: default.to_owned(),
    };
    let fills = ["mean", "black", "blur"].map(str::to_owned).to_vec();
    let occlusion = vec![
        param("window", "side of the square that is covered", ParamKind::Int(Some((1, 224))), "32"),
        param("stride", "pixels from one square to the next", ParamKind::Int(Some((1, 224))), "16"),
        param("fill", "what covers it", ParamKind::Choice(fills), "mean"),
        param(
            "softness",
            "how softly its edges end, as a share of the window",
            ParamKind::Float(Some((0.0, 1.0))),
            "0",
        ),
        param("softmax", "whether probabilities are compared instead of logits", ParamKind::Bool, "false"),
    ];
    Catalogue {
        models: vec!["resnet18".to_owned(), "efficientnet-lite0".to_owned()],
        explainers: vec![
            explainer("grad-cam", "channels weighted by their mean gradient", Vec::new()),
            explainer("hires-cam", "activations times gradients, place by place", Vec::new()),
            explainer("eigen-cam", "first principal component of the activations", Vec::new()),
            explainer("occlusion", "how far the score falls where a square covers the picture", occlusion),
        ],
    }
}

pub fn pictures(paths: &[&str]) -> Vec<NewPicture> {
    let picture = |(id, path): (usize, &&str)| {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        NewPicture { id, path: (*path).to_owned(), name: name.to_owned(), folder: folder.to_owned() }
    };
    paths.iter().enumerate().map(picture).collect()
}

/// The answer that the made-up model gives.
pub fn answer(question: &Question) -> Explanation {
    let (width, height) = (64, 48);
    let pixels = (0..width * height).flat_map(|at| [(at % width * 4) as u8, (at / width * 5) as u8, 128]);
    let photo = Photo::from_rgb("made up", width, height, pixels.collect()).unwrap();
    let shift = question.model * 3;
    let predictions: Arc<[Prediction]> = (0..LABELS.len())
        .map(|at| {
            let index = if shift > 0 && at < 2 { 1 - at } else { at };
            let label = camtui_term::sanitise(LABELS[index].0);
            Prediction { index: 100 + index, label, probability: LABELS[at].1 }
        })
        .collect();
    let index = |class: Class| match class {
        Class::Rank(rank) => predictions[rank].index,
        Class::Index(index) => index,
    };
    let (class, against) = match question.target {
        Target::Asked => (predictions[0].index, None),
        Target::One(class) => (index(class), None),
        Target::Contrast(class, other) => (index(class), Some(index(other))),
    };
    let layer = |name: &str, shape: [usize; 3]| LayerInfo {
        name: name.to_owned(),
        shape: shape.to_vec(),
        gradient: true,
    };
    let model = ModelDetails {
        layers: vec![layer("layer3", [256, 14, 14]), layer("layer4.1.conv2", [512, 7, 7])],
        default_layer: Some("layer4.1.conv2".to_owned()),
        labels: LABELS.iter().map(|(label, _)| camtui_term::sanitise(label)).collect(),
    };
    let layers =
        if question.layers.is_empty() { vec!["layer4.1.conv2".to_owned()] } else { question.layers.clone() };
    let wave = |at: usize| ((at * (3 + question.explainer)) as f32 * 0.1 + question.model as f32).sin();
    Explanation {
        question: question.clone(),
        photo: Arc::new(photo),
        // The middle: left and right of it the model saw nothing.
        seen: Rect { x0: 8.0, y0: 0.0, x1: 56.0, y1: 48.0 },
        map: Heatmap::new(7, 7, (0..49).map(wave).collect()).unwrap(),
        rectify: false,
        predictions,
        class,
        against,
        layers,
        model: Arc::new(model),
        notes: vec!["The model saw the middle of the picture only.".to_owned()],
        complaints: Vec::new(),
        unfinished: false,
        took: Duration::from_millis(31),
    }
}

/// What the made-up maps are worth: the later the explainer, the better.
pub fn worth(question: &Question) -> Worth {
    let good = question.explainer as f64 / 10.0;
    let figure = |name, more, own| Figure { name, more, own, random: Some(0.3), centred: 0.25 };
    let curve =
        |from: f64, to: f64| (0..=32).map(|step| from + (to - from) * f64::from(step) / 32.0).collect();
    Worth {
        figures: vec![
            figure("deletion", Some(false), 0.4 - good),
            figure("insertion", Some(true), 0.2 + good),
            figure("road", Some(true), -0.05 + good),
            figure("sparsity", None, 0.512),
        ],
        faithfulness: [0.4 - good, -0.2 - good, 0.05 - good, 0.5],
        deletion: curve(0.87, 0.0),
        insertion: curve(0.02, 0.87),
        sentence: "better than weights drawn by lot in 3 of 4 figures of faithfulness".to_owned(),
        cost: Duration::from_millis(4),
    }
}

pub fn encoded(protocol: Protocol, area: (u16, u16)) -> Arc<picture::Encoded> {
    let capabilities =
        Capabilities { protocol, colours: Colours::True, terminal: true, ..Capabilities::none() };
    let pixels = RgbaImage::from_fn(64, 48, |x, y| Rgba([4 * x as u8, 5 * y as u8, 0, 255]));
    Arc::new(picture::encode(&pixels, &capabilities, area).unwrap())
}

pub const PATHS: [&str; 5] = [
    "holiday/2024/a very long name of a dog that was there.jpg",
    "holiday/2024/dog.jpg",
    "holiday/beach/two dogs.png",
    "holiday/beach/wolf.jpg",
    "zoo/fox.webp",
];

pub fn start(paths: &[&str]) -> Start {
    Start {
        catalogue: catalogue(),
        pictures: pictures(paths),
        question: question(),
        marked: Vec::new(),
        look: Look::default(),
        panes: Panes::default(),
        sort: Sort::Name,
        keymap: Keymap::default(),
        thumbnails: false,
        compared_models: 1,
        compared_explainers: Vec::new(),
        measuring: false,
        save_to: "camtui-results".to_owned(),
        notices: Vec::new(),
    }
}

/// A session whose first question is answered.
pub fn session(size: (u16, u16)) -> State {
    begun(start(&PATHS), size)
}

pub fn begun(start: Start, size: (u16, u16)) -> State {
    let (mut state, effects) = State::start(start, size);
    settle(&mut state, effects, Protocol::Blocks);
    state
}

/// Commands and keys (`key j`) one after another, each with all that follows from it.
pub fn act(state: &mut State, commands: &[Command]) {
    for &command in commands {
        let effects = state.update(Action::Command(command));
        settle(state, effects, Protocol::Blocks);
    }
}

pub fn press(state: &mut State, keys: &[&str]) {
    for key in keys {
        let effects = state.update(Action::Key(key.parse().unwrap()));
        settle(state, effects, Protocol::Blocks);
    }
}

pub fn type_text(state: &mut State, text: &str) {
    let effects = state.update(Action::Paste(text.to_owned()));
    settle(state, effects, Protocol::Blocks);
}

/// Answers whatever is asked, except the tiles of a comparison, which tests answer one by one.
pub fn settle(state: &mut State, effects: Vec<Effect>, protocol: Protocol) {
    let mut left = VecDeque::from(effects);
    while let Some(effect) = left.pop_front() {
        let action = match effect {
            Effect::Explain(number, question) => Action::Explained(number, Ok(Arc::new(answer(&question)))),
            Effect::Develop(slot, number, _, area) => {
                Action::Developed(slot, number, Ok(encoded(protocol, area)))
            }
            Effect::Thumbnails(ids, area) => {
                for id in ids {
                    let picture = Ok(encoded(protocol, area));
                    left.extend(state.update(Action::Developed(Slot::Thumbnail(id), 0, picture)));
                }
                continue;
            }
            Effect::Predict(number, ids, _) => {
                for id in ids {
                    let mut classes = answer(&question()).predictions.to_vec();
                    classes.rotate_left(id % 3);
                    left.extend(state.update(Action::Predicted(number, id, Ok(classes.into()))));
                }
                continue;
            }
            _ => continue,
        };
        left.extend(state.update(action));
    }
}

/// Answers these tiles of the comparison.
pub fn answer_tiles(state: &mut State, tiles: impl IntoIterator<Item = usize>) {
    for tile in tiles {
        let compare = state.compare.as_ref().unwrap();
        let explanation = answer(compare.tiles[tile].question.as_ref().unwrap());
        let ranks = Ranks::of(&explanation.map);
        let tiled = Tiled { explanation: Arc::new(explanation), ranks };
        let action = Action::TileExplained(compare.number, tile, Ok(Arc::new(tiled)));
        let effects = state.update(action);
        settle(state, effects, Protocol::Blocks);
    }
}

//! An explainer asked about ordinary small networks: one round of questions, judged from several sides.

use std::rc::Rc;

use super::ask::{Question, Target, Watched, same};
use super::network::{CONV, Network, RELU};
use super::{State, Verdict, of, short};
use crate::{ExplainError, Explainer, Grid, Needs, Output, SinkError};

/// A question, what came of it, and what the explainer asked for on the way.
pub(super) struct Trial {
    question: String,
    network: &'static str,
    layer: Option<&'static str>,
    target: Target,
    outcome: Result<Output, ExplainError>,
    asked: Needs,
    picture: [usize; 2],
    grid: [usize; 2],
}

/// Networks of all the shapes that occur: a grid that is no square, values of both signs, one cell, one channel, many
/// classes, and a layer as fine as the picture.
fn ordinary() -> [Network; 6] {
    [
        Network::new("plain", [3, 12, 20], [5, 3, 4], 3),
        Network::new("leaky", [3, 12, 20], [5, 3, 4], 3).leaky(),
        Network::new("one cell", [3, 6, 6], [4, 1, 1], 2),
        Network::new("one channel", [1, 8, 12], [1, 4, 6], 2),
        Network::new("many classes", [3, 8, 6], [6, 4, 2], 1000),
        Network::new("as fine as the picture", [3, 5, 7], [2, 5, 7], 2),
    ]
}

/// The answers to all questions about [`ordinary`] networks; asked once for each explainer.
fn trials(state: &State, explainer: &Explainer) -> Rc<Vec<Trial>> {
    let id = &explainer.info().id;
    if let Some((of, trials)) = &*state.trials.borrow()
        && of == id
    {
        return Rc::clone(trials);
    }
    let mut trials = vec![];
    for network in &ordinary() {
        let last = network.classes - 1;
        for layer in [None, Some(CONV)] {
            for target in [Target::Class(0), Target::Class(last), Target::Contrast(0, last)] {
                let question = Question { layer, target, ..Question::about(explainer, network) };
                let watched = Watched::new(network);
                let outcome = question.ask_through(explainer, &watched);
                (state.alive)();
                trials.push(Trial {
                    question: question.to_string(),
                    network: network.name,
                    layer,
                    target,
                    outcome,
                    asked: watched.asked(),
                    picture: [network.image[1], network.image[2]],
                    grid: [network.grid[1], network.grid[2]],
                });
            }
        }
    }
    let trials = Rc::new(trials);
    *state.trials.borrow_mut() = Some((id.clone(), Rc::clone(&trials)));
    trials
}

/// The maps among them.
fn maps(trials: &[Trial]) -> impl Iterator<Item = (&Trial, &Output)> {
    trials.iter().filter_map(|t| t.outcome.as_ref().ok().map(|output| (t, output)))
}

const NO_MAPS: &str = "there is no map to look at";

/// Whether it answers at all. Maps that the host refuses are judged by the next checks.
pub(super) fn answers(state: &State, explainer: &Explainer) -> Verdict {
    let trials = trials(state, explainer);
    for trial in trials.iter() {
        match &trial.outcome {
            Err(error @ (ExplainError::Failed { .. } | ExplainError::NoMap(_))) => {
                return Verdict::Fail(format!(
                    "{}: {}; an ordinary model must get a map, or CAMTUI_NOT_SUPPORTED with the reason",
                    trial.question,
                    short(&error.to_string())
                ));
            }
            Ok(_) | Err(ExplainError::NotSupported { .. } | ExplainError::BadMap { .. }) => {}
            Err(error) => return Verdict::Fail(format!("{}: {}", trial.question, short(&error.to_string()))),
        }
    }
    let given =
        trials.iter().filter(|t| !matches!(t.outcome, Err(ExplainError::NotSupported { .. }))).count();
    if given == 0 {
        let why = trials.iter().find_map(|t| t.outcome.as_ref().err()).map(ToString::to_string);
        return Verdict::Fail(format!(
            "it refused every small model: {}; it must be able to explain some network of convolutions, pooling and a \
             linear layer",
            short(&why.unwrap_or_default())
        ));
    }
    Verdict::Pass(format!("a map for {}", of(given, trials.len(), "question")))
}

/// NaN and infinite values.
pub(super) fn finite(state: &State, explainer: &Explainer) -> Verdict {
    let trials = trials(state, explainer);
    let bad = trials.iter().find_map(|t| match &t.outcome {
        Err(ExplainError::BadMap { reason: reason @ SinkError::NotFinite { .. }, .. }) => Some((t, reason)),
        _ => None,
    });
    if let Some((trial, reason)) = bad {
        return Verdict::Fail(format!(
            "{}: {reason}; look for divisions by a sum that can be zero",
            trial.question
        ));
    }
    let values: usize = maps(&trials).map(|(_, output)| output.map.values.len()).sum();
    Verdict::Pass(format!("{values} values"))
}

/// Impossible sizes, rows and columns swapped, maps of nothing.
pub(super) fn sizes(state: &State, explainer: &Explainer) -> Verdict {
    let trials = trials(state, explainer);
    for trial in trials.iter() {
        if let Err(ExplainError::BadMap { reason, .. }) = &trial.outcome
            && !matches!(reason, SinkError::NotFinite { .. })
        {
            return Verdict::Fail(format!("{}: {reason}", trial.question));
        }
        let Ok(output) = &trial.outcome else { continue };
        let mut grids = output.channels.iter().map(|c| &c.grid).chain([&output.map]);
        if let Some(wrong) = grids.find_map(|grid| misshapen(trial, output, grid)) {
            return Verdict::Fail(format!("{}: {wrong}", trial.question));
        }
    }
    let mut sizes: Vec<String> =
        maps(&trials).map(|(_, o)| format!("{}×{}", o.map.height, o.map.width)).collect();
    sizes.dedup();
    sizes.truncate(6);
    if sizes.is_empty() { Verdict::Skipped(NO_MAPS.into()) } else { Verdict::Pass(sizes.join(", ")) }
}

fn misshapen(trial: &Trial, output: &Output, grid: &Grid) -> Option<String> {
    let found = [grid.height, grid.width];
    let (rows, columns) = (found[0], found[1]);
    let of_layer = output.layer.as_deref().is_some_and(|layer| layer == CONV || layer == RELU);
    for (what, [h, w], counts) in
        [("layer", trial.grid, of_layer), ("picture", trial.picture, output.layer.is_none())]
    {
        if counts && h != w && found == [w, h] {
            return Some(format!(
                "the {what} is {h}×{w} (rows × columns) and its map {rows}×{columns}: rows and columns are swapped"
            ));
        }
    }
    let limit = [trial.picture[0].max(trial.grid[0]), trial.picture[1].max(trial.grid[1])];
    (rows > limit[0] || columns > limit[1]).then(|| {
        format!(
            "a map of {rows}×{columns} is finer than the picture of {}×{}; give it at the method's own resolution, camtui \
             enlarges it",
            trial.picture[0], trial.picture[1]
        )
    })
}

/// What it asked the session for, against what its description says.
pub(super) fn needs(state: &State, explainer: &Explainer) -> Verdict {
    let (trials, declared) = (trials(state, explainer), explainer.info().needs);
    let any = |of: fn(&Needs) -> bool| trials.iter().any(|t| of(&t.asked));
    let kinds = [
        ("activations", any(|n| n.activations), declared.activations),
        ("gradients", any(|n| n.gradients), declared.gradients),
        ("forward passes", any(|n| n.forward), declared.forward),
    ];
    let silent: Vec<&str> = kinds.iter().filter(|k| k.1 && !k.2).map(|k| k.0).collect();
    if !silent.is_empty() {
        return Verdict::Fail(format!(
            "it asks for {} without declaring it in `needs`; camtui prepares what is declared, and shows it",
            silent.join(" and ")
        ));
    }
    let list = |of: &dyn Fn(&(&'static str, bool, bool)) -> bool| {
        let words: Vec<&str> = kinds.iter().filter(|k| of(k)).map(|k| k.0).collect();
        if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
    };
    let unused = list(&|k| k.2 && !k.1);
    let used = list(&|k| k.1);
    Verdict::Pass(if unused == "nothing" {
        format!("it asks for {used}")
    } else {
        format!("it asks for {used}; {unused} declared and not asked for here")
    })
}

/// Whether maps depend on the class, against what the description says.
pub(super) fn class(state: &State, explainer: &Explainer) -> Verdict {
    let trials = trials(state, explainer);
    let all: Vec<(&Trial, &Output)> = maps(&trials).collect();
    let (mut pairs, mut different) = (0, None);
    for (n, (a, of_a)) in all.iter().enumerate() {
        for (b, of_b) in &all[n + 1..] {
            if (a.network, a.layer) == (b.network, b.layer) && a.target != b.target {
                pairs += 1;
                if !same(of_a, of_b) {
                    different.get_or_insert((a, b));
                }
            }
        }
    }
    match (explainer.info().class_agnostic, different) {
        _ if pairs == 0 => Verdict::Skipped(NO_MAPS.into()),
        (true, Some((a, b))) => Verdict::Fail(format!(
            "it says that its map does not depend on the class, and the maps of these differ: {}; {}",
            a.question, b.question
        )),
        (true, None) => {
            Verdict::Pass(format!("it says that its map does not depend on the class: so in {pairs} pairs"))
        }
        (false, Some(_)) => Verdict::Pass("another class gives another map".into()),
        (false, None) => Verdict::Fail(
            "its map is the same for every class: explain `seed` or `target`, or declare class_agnostic"
                .into(),
        ),
    }
}

/// Whether a method that declares its ReLU leaves it to the host.
pub(super) fn rectify(state: &State, explainer: &Explainer) -> Verdict {
    if !explainer.info().rectify {
        return Verdict::Skipped("it declares no ReLU".into());
    }
    let trials = trials(state, explainer);
    let (mut count, mut negative) = (0, 0);
    for (_, output) in maps(&trials) {
        count += 1;
        negative += usize::from(output.map.values.iter().any(|v| *v < 0.0));
    }
    match negative {
        _ if count == 0 => Verdict::Skipped(NO_MAPS.into()),
        0 => Verdict::Fail(format!(
            "it declares that its method ends in a ReLU, and none of {count} maps has a negative value: give the map before \
             that ReLU, or do not declare it"
        )),
        n => Verdict::Pass(format!("{} with negative values", of(n, count, "map"))),
    }
}

/// What it gives beside its map, and on the way to it.
pub(super) fn beside(_state: &State, explainer: &Explainer) -> Verdict {
    let network = Network::new("plain", [3, 12, 20], [5, 3, 4], 3);
    let question = Question::about(explainer, &network);
    let (alone, all) = (question.ask(explainer), Question { all: true, ..question }.ask(explainer));
    let (alone, all) = match (alone, all) {
        (Ok(alone), Ok(all)) => (alone, all),
        (Err(_), _) => return Verdict::Skipped(NO_MAPS.into()),
        (Ok(_), Err(error)) => {
            return Verdict::Fail(format!("watched, it fails: {}", short(&error.to_string())));
        }
    };
    if !same(&alone, &Output { terms: None, ..all.clone() }) {
        return Verdict::Fail("it gives another map where terms or partial maps are wanted".into());
    }
    let Some(terms) = all.terms else {
        return Verdict::Pass("it says of no terms; watched, the map is the same".into());
    };
    for (at, &value) in all.map.values.iter().enumerate() {
        let parts =
            || terms.values.iter().skip(at).step_by(all.map.values.len()).map(|&part| f64::from(part));
        let (sum, size) = (parts().sum::<f64>(), parts().map(f64::abs).sum::<f64>());
        if (sum - f64::from(value)).abs() > 1e-4 * size.max(1e-30) {
            return Verdict::Fail(format!("its terms add up to {sum} where its map is {value}"));
        }
    }
    Verdict::Pass("its terms add up to the map; watched, the map is the same".into())
}

/// A black picture with one bright patch, and a network in which only that patch reaches the classes: whatever
/// looks at the model must single it out.
pub(super) fn spot(_state: &State, explainer: &Explainer) -> Verdict {
    let needs = explainer.info().needs;
    if !(needs.activations || needs.gradients || needs.forward) {
        return Verdict::Skipped("it asks nothing of the model, so nothing is known of its map".into());
    }
    let (row, column, rows, columns) = (1, 5, 5, 7);
    let network =
        Network::new("spot", [3, 4 * rows, 4 * columns], [4, rows, columns], 2).with_spot(row, column);
    let output = match Question::about(explainer, &network).ask(explainer) {
        Ok(output) => output,
        Err(error) => return Verdict::Skipped(format!("it has no map of it: {}", short(&error.to_string()))),
    };
    let (height, width) = (output.map.height, output.map.width);
    let mut sorted = output.map.values.clone();
    sorted.sort_by(f32::total_cmp);
    let middle = sorted[sorted.len() / 2];
    let away = |y: usize, x: usize| (output.map.values[y * width + x] - middle).abs();
    let cells = || (0..height).flat_map(|y| (0..width).map(move |x| (y, x)));
    let near = |(y, x): (usize, usize)| {
        // Centre of the cell, in cells of the network's grid. A ring of one cell around the spot is near, and so is a larger
        // cell that touches the spot: a map may have one column only.
        let (v, h) = (
            (y as f32 + 0.5) / height as f32 * rows as f32,
            (x as f32 + 0.5) / width as f32 * columns as f32,
        );
        let reach = |cells: usize, of: usize| (0.5 + 0.5 * of as f32 / cells as f32).max(1.5);
        (v - row as f32 - 0.5).abs() <= reach(height, rows)
            && (h - column as f32 - 0.5).abs() <= reach(width, columns)
    };
    let most = |it: &mut dyn Iterator<Item = (usize, usize)>| {
        it.map(|(y, x)| (away(y, x), y, x)).max_by(|a, b| a.0.total_cmp(&b.0)).unwrap_or((0.0, 0, 0))
    };
    let (everywhere, here) = (most(&mut cells()), most(&mut cells().filter(|&c| near(c))));
    if height * width == 1 {
        Verdict::Skipped("its map has one cell".into())
    } else if everywhere.0 == 0.0 {
        Verdict::Fail("its map is the same everywhere, where one patch of the picture alone matters".into())
    } else if here.0 < 0.5 * everywhere.0 {
        Verdict::Fail(format!(
            "only the patch in row {row}, column {column} of {rows}×{columns} matters, and its {height}×{width} map is \
             strongest in row {}, column {}: look at the order of rows and columns",
            everywhere.1, everywhere.2
        ))
    } else {
        Verdict::Pass(format!("its {height}×{width} map stands out there"))
    }
}

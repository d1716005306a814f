//! Maps that are shown before they are done, and sessions that begin with a comparison.

use camtui::interactive::analyst::Explanation;

use super::*;

/// Occlusion is asked and not answered yet; the number of the question. Whatever is caused after that is carried out.
fn asked(session: &mut Session) -> u64 {
    session.hold();
    session.keys(&["["]);
    let held = session.held.take().unwrap();
    let number = held.iter().find_map(|effect| match effect {
        Effect::Explain(number, _) => Some(*number),
        _ => None,
    });
    number.unwrap()
}

fn answer(session: &Session, unfinished: bool) -> Arc<Explanation> {
    let answer = session.analyst.answer(&session.state.question).unwrap();
    Arc::new(Explanation { unfinished, ..answer })
}

fn shown(session: &Session) -> (usize, bool) {
    let shown = session.state.explanation().unwrap();
    (shown.question.explainer, shown.unfinished)
}

#[test]
fn a_map_is_shown_as_it_converges_and_then_as_it_is() {
    let mut session = Session::new(3);
    let number = asked(&mut session);
    let partial = answer(&session, true);
    session.act(Action::Converging(number, Arc::clone(&partial)));
    session.act(Action::Progress(number, 0.4));
    assert_eq!(shown(&session), (4, true));
    assert!(session.state.working && session.state.picture.is_some());
    session.act(Action::Explained(number, Ok(answer(&session, false))));
    assert_eq!(shown(&session), (4, false));
    assert!(!session.state.working);
    // What comes too late, or for another question, is nothing.
    for number in [number, number - 1] {
        session.act(Action::Converging(number, Arc::clone(&partial)));
        assert_eq!(shown(&session), (4, false));
    }
}

#[test]
fn a_slow_terminal_sees_every_map_that_it_began_to_paint() {
    let mut session = Session::new(3);
    let number = asked(&mut session);
    let partial = answer(&session, true);
    session.hold();
    for _ in 0..3 {
        session.act(Action::Converging(number, Arc::clone(&partial)));
    }
    let developed = |effect: &&Effect| matches!(effect, Effect::Develop(Slot::Main, ..));
    assert_eq!(session.held.as_ref().unwrap().iter().filter(developed).count(), 1);
    session.release();
    assert_eq!(shown(&session), (4, true));
}

#[test]
fn what_is_stopped_stays_on_screen_and_is_neither_kept_nor_measured() {
    let mut session = Session::new(3);
    session.keys(&["a"]);
    session.caused.clear();
    let number = asked(&mut session);
    session.act(Action::Converging(number, answer(&session, true)));
    session.act(Action::Progress(number, 0.4));
    session.keys(&["esc"]);
    assert_eq!(session.said(), "stopped at 40 %: the map is unfinished");
    assert!(!session.state.working && shown(&session) == (4, true));
    assert!(session.caused.iter().any(|effect| matches!(effect, Effect::Cancel)));
    assert!(session.caused.iter().all(|effect| !matches!(effect, Effect::Measure(all) if !all.is_empty())));
    for key in ["f", "Y"] {
        session.keys(&[key]);
        assert!(session.said().contains("unfinished, so it is not kept"), "{}", session.said());
        assert!(session.state.dialogs.is_empty());
    }
    // Nothing was cancelled that nobody saw anything of.
    let mut session = Session::new(3);
    asked(&mut session);
    session.keys(&["esc"]);
    assert_eq!((session.said(), shown(&session)), ("cancelled", (0, false)));
}

#[test]
fn several_explainers_of_the_command_line_are_compared_at_once() {
    let mut session = Session::with(5, |start| {
        start.question.explainer = 2;
        let window = vec![("window".to_owned(), "20".to_owned())];
        start.compared_explainers = vec![(2, Vec::new()), (4, window)];
    });
    let titles = |session: &Session| -> Vec<String> {
        session.state.compare.as_ref().unwrap().tiles.iter().map(|tile| tile.title.clone()).collect()
    };
    assert_eq!(titles(&session), ["layer-cam · layer4", "occlusion · layer4"]);
    let compare = session.state.compare.as_ref().unwrap();
    assert!(compare.tiles.iter().all(|tile| matches!(tile.answer, Answer::Done(_))));
    assert_eq!(compare.tiles[1].question.as_ref().unwrap().params, [("window".to_owned(), "20".to_owned())]);
    // The next picture is compared in the same way; Esc leaves the comparison.
    session.keys(&["j"]);
    assert_eq!(titles(&session), ["layer-cam · layer4", "occlusion · layer4"]);
    session.keys(&["esc"]);
    assert!(session.state.compare.is_none() && shown(&session) == (2, false));

    // Named layers are rows.
    let session = Session::with(5, |start| {
        start.question.layers = vec!["layer3".to_owned(), "layer4".to_owned()];
        start.compared_explainers = vec![(0, Vec::new()), (1, Vec::new())];
    });
    let expected = ["grad-cam · layer3", "eigen-cam · layer3", "grad-cam · layer4", "eigen-cam · layer4"];
    assert_eq!(titles(&session), expected);
}

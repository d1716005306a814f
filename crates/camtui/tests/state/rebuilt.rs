//! Libraries that are rebuilt while the session runs, and what plugins must not do, as actions and effects.

use camtui::interactive::analyst::Reloaded;

use super::*;

/// What a rebuilt library changes, which has the explainers at these places.
fn rebuilt(session: &Session, changed: &[usize], change: impl FnOnce(&mut Reloaded)) {
    let mut reloaded = Reloaded {
        explainers: session.analyst.catalogue().explainers,
        changed: changed.to_vec(),
        instead: 1,
        said: vec!["occlusion rebuilt: 2.0".to_owned()],
    };
    change(&mut reloaded);
    *session.analyst.rebuilt.lock().unwrap() = Some(reloaded);
}

/// A session that explains by occlusion, with a window of 20.
fn with_a_window() -> Session {
    Session::with(3, |start| {
        start.question.explainer = 4;
        start.question.params = vec![("window".to_owned(), "20".to_owned())];
    })
}

#[test]
fn a_rebuilt_explainer_is_asked_again_and_keeps_its_parameters() {
    let mut session = with_a_window();
    let before = Arc::clone(session.state.explanation().unwrap());
    rebuilt(&session, &[4], |_| {});
    session.act(Action::LibraryChanged(0));
    let after = session.state.explanation().unwrap();
    assert!(!Arc::ptr_eq(&before, after), "the old map is still shown");
    assert_eq!(after.question, before.question);
    assert_eq!(session.state.messages.last().unwrap(), "occlusion rebuilt: 2.0");
    assert!(session.state.fresh_message && !session.state.alarming_message && !session.state.working);
    // What is computed by others is not.
    let before = Arc::clone(after);
    rebuilt(&session, &[2], |_| {});
    session.act(Action::LibraryChanged(0));
    assert!(Arc::ptr_eq(&before, session.state.explanation().unwrap()));
}

#[test]
fn what_a_rebuilt_explainer_no_longer_takes_is_dropped_and_told() {
    let mut session = with_a_window();
    session.keys(&["p"]);
    assert!(matches!(session.state.dialogs.last(), Some(Dialog::Parameters(_))));
    rebuilt(&session, &[4], |reloaded| {
        reloaded.explainers[4].params[0].kind = camtui::interactive::analyst::ParamKind::Int(Some((1, 10)));
        reloaded.explainers[4].params[0].default = "5".to_owned();
    });
    session.act(Action::LibraryChanged(0));
    assert_eq!(session.state.explanation().unwrap().question.params, []);
    assert_eq!(session.state.messages.last().unwrap(), "occlusion no longer takes window=20");
    let Some(Dialog::Parameters(form)) = session.state.dialogs.last() else { panic!("the form is gone") };
    assert_eq!(form.rows[0].field.text(), "5");
}

#[test]
fn an_explainer_that_is_gone_gives_way_and_is_not_stepped_to() {
    let mut session = with_a_window();
    rebuilt(&session, &[1], |reloaded| reloaded.explainers[4].gone = true);
    session.act(Action::LibraryChanged(0));
    assert_eq!(session.state.question.explainer, 1);
    assert_eq!(session.state.explanation().unwrap().question.explainer, 1);
    let says = "occlusion is gone from its library; eigen-cam is shown instead";
    assert!(session.state.messages.iter().any(|message| message == says), "{:?}", session.state.messages);
    session.act(Action::Command(Command::PreviousExplainer));
    session.act(Action::Command(Command::PreviousExplainer));
    assert_eq!(session.state.question.explainer, 3, "one that is gone was stepped to");
    // Nor can it be undone to.
    for _ in 0..5 {
        session.act(Action::Command(Command::Undo));
        assert_ne!(session.state.question.explainer, 4);
    }
}

#[test]
fn a_broken_build_changes_nothing_and_is_told_as_an_alarm() {
    let mut session = with_a_window();
    let before = Arc::clone(session.state.explanation().unwrap());
    session.act(Action::Reloaded(Err("the old occlusion stays: it is cut short\x1b[2J".to_owned())));
    assert!(session.state.alarming_message && session.state.fresh_message);
    let said = session.state.messages.last().unwrap();
    assert!(
        said.starts_with("the old occlusion stays: it is cut short") && !said.contains('\x1b'),
        "{said:?}"
    );
    assert!(Arc::ptr_eq(&before, session.state.explanation().unwrap()));
    assert!(session.state.failure.is_none() && !session.state.working);
}

#[test]
fn an_answer_is_awaited_though_the_old_one_is_drawn_anew_meanwhile() {
    let mut session = with_a_window();
    let before = Arc::clone(session.state.explanation().unwrap());
    session.hold();
    rebuilt(&session, &[4], |_| {});
    let reloaded = session.analyst.reload(0).unwrap().unwrap();
    session.act(Action::Reloaded(Ok(reloaded)));
    let mut held = session.held.take().unwrap();
    // Another size of the terminal comes first, and the question is the same as that of what is shown.
    session.act(Action::Resized(100, 30));
    assert!(session.state.working, "the old answer was taken for the new one");
    session.held = Some(held.split_off(0));
    session.release();
    assert!(!Arc::ptr_eq(&before, session.state.explanation().unwrap()) && !session.state.working);
}

#[test]
fn a_comparison_shows_the_new_version_in_all_its_tiles() {
    let mut session = Session::new(3);
    session.keys(&["c"]);
    let tile = |session: &Session| {
        let tiles = &session.state.compare.as_ref().unwrap().tiles;
        Arc::clone(tiles.iter().find_map(|tile| tile.explanation()).unwrap())
    };
    let before = tile(&session);
    rebuilt(&session, &[before.question.explainer], |_| {});
    session.act(Action::LibraryChanged(0));
    assert!(!Arc::ptr_eq(&before, &tile(&session)));
}

#[test]
fn what_a_plugin_must_not_do_is_said_beside_its_map() {
    let mut session = Session::new(3);
    session.hold();
    session.keys(&["j"]);
    let held = session.held.take().unwrap();
    let asked = held.into_iter().find_map(|effect| match effect {
        Effect::Explain(number, question) => Some((number, question)),
        _ => None,
    });
    let (number, question) = asked.unwrap();
    let cancelled = AtomicBool::new(false);
    let mut explanation = session.analyst.explain(&question, &Watch::new(&cancelled, &|_| {})).unwrap();
    explanation.complaints = vec!["the plugin `a` in `b`: left a thread running".to_owned()];
    session.act(Action::Explained(number, Ok(Arc::new(explanation))));
    assert!(session.state.failure.is_none() && session.state.explanation().is_some());
    assert_eq!(session.state.messages.last().unwrap(), "the plugin `a` in `b`: left a thread running");
    assert!(session.state.fresh_message && session.state.alarming_message);
    session.keys(&["Space", "y"]);
    assert!(!session.state.alarming_message || !session.state.fresh_message);
}

//! The workers with an analyst that can be held up.

use std::sync::mpsc::{Receiver, channel};

use camtui_core::heatmap::Heatmap;
use camtui_core::picture::{Photo, Rect};
use camtui_term::{Colours, Protocol, Reach};

use super::super::analyst::{Catalogue, ModelDetails, NewPicture, Prediction, Reloaded, Target, Worth};
use super::super::look::Look;
use super::*;

/// Picture 0 takes until it is cancelled, picture 1 panics, others are quick.
struct Fake;

impl Analyst for Fake {
    fn reload(&self, _: usize) -> Result<Option<Reloaded>, String> {
        Ok(None)
    }

    fn catalogue(&self) -> Catalogue {
        Catalogue::default()
    }

    fn pictures(&self) -> Vec<NewPicture> {
        Vec::new()
    }

    fn explain(&self, question: &Question, watch: &Watch<'_>) -> Result<Explanation, String> {
        if question.picture == 0 {
            while !watch.cancelled() {
                thread::sleep(Duration::from_millis(1));
            }
            return Err("cancelled".to_owned());
        }
        assert_ne!(question.picture, 1, "picture one");
        let photo = Photo::from_rgb("p", 4, 4, vec![9; 48]).unwrap();
        Ok(Explanation {
            question: question.clone(),
            photo: Arc::new(photo),
            seen: Rect::whole(4, 4),
            map: Heatmap::new(1, 2, vec![0.0, 1.0]).unwrap(),
            rectify: true,
            predictions: Arc::new([]),
            class: question.picture,
            against: None,
            layers: Vec::new(),
            model: Arc::new(ModelDetails::default()),
            notes: Vec::new(),
            complaints: Vec::new(),
            unfinished: false,
            took: Duration::ZERO,
        })
    }

    fn measure(&self, _: &Explanation, watch: &Watch<'_>) -> Result<Worth, String> {
        while !watch.cancelled() {
            thread::sleep(Duration::from_millis(1));
        }
        Err("cancelled".to_owned())
    }

    fn predict(&self, picture: PictureId, _: usize, _: &Watch<'_>) -> Result<Arc<[Prediction]>, String> {
        thread::sleep(Duration::from_millis(2));
        Err(format!("no classes in {picture}"))
    }

    fn thumbnail(&self, _: PictureId, side: u32) -> Result<RgbaImage, String> {
        Ok(RgbaImage::new(side, side))
    }

    fn open(&self, _: Option<PathBuf>) -> Result<Vec<NewPicture>, String> {
        Err("nothing there".to_owned())
    }

    fn save(&self, _: &Saving) -> Result<Vec<String>, String> {
        Ok(vec!["a.png".to_owned()])
    }

    fn json(&self, _: &Explanation) -> String {
        "{}".to_owned()
    }
}

fn question(picture: PictureId) -> Question {
    Question {
        picture,
        model: 0,
        target: Target::Asked,
        explainer: 0,
        params: Vec::new(),
        layers: Vec::new(),
        smooth: crate::smooth::Smooth::default(),
    }
}

fn workers() -> (Workers, Receiver<Action>) {
    workers_for(&Capabilities { protocol: Protocol::Blocks, colours: Colours::True, ..Capabilities::none() })
}

fn workers_for(capabilities: &Capabilities) -> (Workers, Receiver<Action>) {
    let (sender, receiver) = channel();
    let sender = Mutex::new(sender);
    let report: Report = Arc::new(move |action| drop(sender.lock().unwrap().send(action)));
    let analyst: Arc<dyn Analyst> = Arc::new(Fake);
    (Workers::start(&analyst, capabilities, &report).unwrap(), receiver)
}

fn next(answers: &Receiver<Action>) -> Action {
    answers.recv_timeout(Duration::from_secs(10)).unwrap()
}

#[test]
fn a_newer_question_cancels_the_older_and_replaces_the_waiting() {
    let (mut workers, answers) = workers();
    workers.explain(1, question(0));
    // Let the first one begin.
    thread::sleep(Duration::from_millis(50));
    for number in 2..=9 {
        workers.explain(number, question(number as usize));
    }
    let Action::Explained(1, Err(_)) = next(&answers) else { panic!("the first was not cancelled") };
    let mut last = 0;
    let mut count = 0;
    while last != 9 {
        let Action::Explained(number, Ok(answer)) = next(&answers) else { panic!() };
        assert_eq!(answer.class as u64, number);
        (last, count) = (number, count + 1);
    }
    assert!(count < 8, "all {count} were computed");
}

#[test]
fn a_panic_is_an_answer_and_the_thread_goes_on() {
    let (mut workers, answers) = workers();
    workers.explain(1, question(1));
    let Action::Explained(1, Err(message)) = next(&answers) else { panic!() };
    assert!(message.contains("picture one"), "{message}");
    workers.explain(2, question(2));
    assert!(matches!(next(&answers), Action::Explained(2, Ok(_))));
}

#[test]
fn the_question_of_the_moment_goes_before_what_can_wait() {
    let (mut workers, answers) = workers();
    workers.explain(1, question(0));
    thread::sleep(Duration::from_millis(30));
    workers.tiles(1, vec![(0, question(2)), (1, question(3))]);
    assert!(answers.recv_timeout(Duration::from_millis(150)).is_err(), "tiles went first");
    workers.cancel();
    assert!(matches!(next(&answers), Action::Explained(1, Err(_))));
    let tiles: Vec<usize> = (0..4)
        .filter_map(|_| match next(&answers) {
            Action::TileExplained(1, tile, Ok(_)) => Some(tile),
            _ => None,
        })
        .collect();
    assert_eq!(tiles, [0, 1]);
}

#[test]
fn a_newer_list_ends_an_older_one() {
    let (workers, answers) = workers();
    workers.predict(1, (0..10_000).collect(), 0);
    assert!(matches!(next(&answers), Action::Predicted(1, 0, Err(_))));
    workers.predict(2, vec![5], 0);
    let mut older = 0;
    loop {
        match next(&answers) {
            Action::Predicted(1, ..) => older += 1,
            Action::Predicted(2, 5, _) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(older < 1000, "{older} of the older list were done");
}

#[test]
fn scenes_thumbnails_and_files_answer() {
    let (mut workers, answers) = workers();
    workers.explain(1, question(2));
    let Action::Explained(1, Ok(explanation)) = next(&answers) else { panic!() };
    let scene = Scene { explanation, minus: None, look: Look::default(), crosshair: None };
    workers.develop(Slot::Main, 5, Box::new(scene), (10, 5));
    assert!(matches!(next(&answers), Action::Developed(Slot::Main, 5, Ok(_))));
    workers.thumbnails(vec![3], (8, 4));
    assert!(matches!(next(&answers), Action::Developed(Slot::Thumbnail(3), 0, Ok(_))));
    workers.open(None);
    assert!(matches!(next(&answers), Action::Opened(false, Err(_))));
}

/// Over the line a tenth of the pixels is sent ahead of all of them; where files are read, all at once.
#[test]
fn a_draft_goes_ahead_where_a_picture_takes_its_time() {
    for (reach, drafts) in [(Reach::Line, 1), (Reach::Remote, 1), (Reach::Files, 0)] {
        let kitty = Capabilities { protocol: Protocol::Kitty, reach, terminal: true, ..Capabilities::none() };
        let (mut workers, answers) = workers_for(&kitty);
        workers.explain(1, question(2));
        let Action::Explained(1, Ok(explanation)) = next(&answers) else { panic!() };
        let colours = (0..1000 * 1000 * 3).map(|n| (n * 7919 % 251) as u8).collect();
        let photo = Arc::new(Photo::from_rgb("p", 1000, 1000, colours).unwrap());
        let explanation = Arc::new(Explanation { photo, ..Explanation::clone(&explanation) });
        let scene = Scene { explanation, minus: None, look: Look::default(), crosshair: None };
        workers.develop(Slot::Main, 5, Box::new(scene), (100, 50));
        let sent: Vec<usize> = (0..=drafts)
            .map(|_| match next(&answers) {
                Action::Developed(Slot::Main, 5, Ok(picture)) => picture.transmission().unwrap().len(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert!(drafts == 0 || sent[0] * 6 < sent[1], "{reach:?}: {sent:?}");
        assert!(answers.recv_timeout(Duration::from_millis(50)).is_err(), "{reach:?}: more than {sent:?}");
    }
}

//! The threads that do what takes time: one that explains and one that encodes. Each has a mailbox with room for one job,
//! where a newer job replaces an older one that has not been begun, and reports by sending an action.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::{io, thread};

use camtui_term::Capabilities;

use super::action::Action;
use super::analyst::{Analyst, Request, View};
use super::picture;
use super::session::Message;

/// A place for one job.
#[derive(Debug)]
struct Mailbox<J> {
    slot: Mutex<Option<J>>,
    filled: Condvar,
}

impl<J> Mailbox<J> {
    fn new() -> Arc<Self> {
        Arc::new(Self { slot: Mutex::new(None), filled: Condvar::new() })
    }

    /// Nothing is ever done while the lock is held that could leave the slot half changed.
    fn lock(&self) -> MutexGuard<'_, Option<J>> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Leaves a job, in place of any that is still there.
    fn post(&self, job: J) {
        *self.lock() = Some(job);
        self.filled.notify_one();
    }

    /// Waits for a job.
    fn take(&self) -> J {
        let mut slot = self.lock();
        loop {
            if let Some(job) = slot.take() {
                return job;
            }
            slot = self.filled.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

struct Explain {
    number: u64,
    request: Request,
    cancelled: Arc<AtomicBool>,
}

struct Encode {
    number: u64,
    view: Arc<View>,
    area: (u16, u16),
}

/// The session's side of both threads. The threads end with the process: a long computation must not delay quitting.
pub struct Workers {
    explaining: Arc<Mailbox<Explain>>,
    encoding: Arc<Mailbox<Encode>>,
    /// Turned true when the latest request is no longer wanted.
    cancelled: Arc<AtomicBool>,
}

impl Workers {
    /// Starts both threads, which report to `answers`.
    pub fn start(
        mut analyst: Box<dyn Analyst>,
        capabilities: &Capabilities,
        answers: &Sender<Message>,
    ) -> io::Result<Self> {
        let explaining = Mailbox::<Explain>::new();
        let encoding = Mailbox::<Encode>::new();

        let (mailbox, answer) = (Arc::clone(&explaining), answers.clone());
        thread::Builder::new().name("camtui-explain".to_owned()).spawn(move || {
            loop {
                let Explain { number, request, cancelled } = mailbox.take();
                let result = guarded(|| analyst.explain(&request, &cancelled)).map(Arc::new);
                if answer.send(Message::Action(Action::Explained(number, result))).is_err() {
                    return;
                }
            }
        })?;

        let (mailbox, answer, capabilities) = (Arc::clone(&encoding), answers.clone(), capabilities.clone());
        thread::Builder::new().name("camtui-encode".to_owned()).spawn(move || {
            loop {
                let Encode { number, view, area } = mailbox.take();
                let result = guarded(|| picture::encode(&view.overlay, &capabilities, area)).map(Arc::new);
                if answer.send(Message::Action(Action::Encoded(number, result))).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { explaining, encoding, cancelled: Arc::default() })
    }

    /// Explains this instead of whatever is being explained.
    pub fn explain(&mut self, number: u64, request: Request) {
        self.cancel();
        self.cancelled = Arc::default();
        self.explaining.post(Explain { number, request, cancelled: Arc::clone(&self.cancelled) });
    }

    /// Gives up what is being explained.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Encodes this next.
    pub fn encode(&self, number: u64, view: Arc<View>, area: (u16, u16)) {
        self.encoding.post(Encode { number, view, area });
    }
}

/// Runs a job; a panic in it becomes its error.
fn guarded<T>(job: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|panic| {
        let message = panic
            .downcast_ref::<&str>()
            .map(|text| (*text).to_owned())
            .or_else(|| panic.downcast_ref::<String>().cloned())
            .unwrap_or_else(|| "no message".to_owned());
        Err(format!("camtui made a mistake here and has gone on without this picture: {message}"))
    })
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::time::Duration;

    use camtui_term::{Colours, Protocol};
    use image::RgbaImage;

    use super::super::analyst::{Prediction, Target};
    use super::*;

    /// Picture 0 takes until it is cancelled, picture 1 panics, others are quick.
    struct Fake;

    impl Analyst for Fake {
        fn explain(&mut self, request: &Request, cancelled: &AtomicBool) -> Result<View, String> {
            if request.picture == 0 {
                while !cancelled.load(Ordering::Relaxed) {
                    thread::sleep(Duration::from_millis(1));
                }
                return Err("cancelled".to_owned());
            }
            assert_ne!(request.picture, 1, "picture one");
            let target = Prediction { index: request.picture, label: String::new(), probability: 1.0 };
            let overlay = RgbaImage::new(4, 4);
            Ok(View { overlay, predictions: vec![], target, legend: vec![], notes: vec![] })
        }
    }

    fn request(picture: usize) -> Request {
        Request { picture, target: Target::Asked }
    }

    fn next(answers: &Receiver<Message>) -> Action {
        match answers.recv_timeout(Duration::from_secs(10)).unwrap() {
            Message::Action(action) => action,
            other => panic!("{other:?}"),
        }
    }

    fn workers() -> (Workers, Receiver<Message>) {
        let capabilities =
            Capabilities { protocol: Protocol::Blocks, colours: Colours::True, ..Capabilities::none() };
        let (sender, receiver) = channel();
        (Workers::start(Box::new(Fake), &capabilities, &sender).unwrap(), receiver)
    }

    #[test]
    fn a_newer_request_cancels_the_older_and_replaces_the_waiting() {
        let (mut workers, answers) = workers();
        workers.explain(1, request(0));
        // Let the first one begin.
        thread::sleep(Duration::from_millis(50));
        for number in 2..=9 {
            workers.explain(number, request(number as usize));
        }
        let Action::Explained(1, Err(_)) = next(&answers) else { panic!("the first was not cancelled") };
        let mut last = 0;
        let mut count = 0;
        while last != 9 {
            let Action::Explained(number, Ok(view)) = next(&answers) else { panic!() };
            assert_eq!(view.target.index as u64, number);
            (last, count) = (number, count + 1);
        }
        assert!(count < 8, "all {count} were computed");
    }

    #[test]
    fn a_panic_is_an_answer_and_the_thread_goes_on() {
        let (mut workers, answers) = workers();
        workers.explain(1, request(1));
        let Action::Explained(1, Err(message)) = next(&answers) else { panic!() };
        assert!(message.contains("picture one"), "{message}");
        workers.explain(2, request(2));
        assert!(matches!(next(&answers), Action::Explained(2, Ok(_))));
    }

    #[test]
    fn encoding_answers_by_number() {
        let (mut workers, answers) = workers();
        workers.explain(1, request(2));
        let Action::Explained(1, Ok(view)) = next(&answers) else { panic!() };
        workers.encode(5, view, (10, 5));
        assert!(matches!(next(&answers), Action::Encoded(5, Ok(_))));
    }
}

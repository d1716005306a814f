//! Panics stay on this side of the interface: one that crossed it would abort the whole program.
//!
//! A plugin carries its own copy of the standard library, and with it a panic hook of its own that would
//! print over the terminal picture. So this hook keeps the message of a panic inside a guarded call; all
//! other panics of this copy go where they went before.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static GUARDED: Cell<u32> = const { Cell::new(0) };
    static MESSAGE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs `call`; a panic inside becomes its message and place, and nothing is printed.
pub(crate) fn guarded<T>(call: impl FnOnce() -> T) -> Result<T, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if GUARDED.try_with(Cell::get).unwrap_or(0) == 0 {
                return before(info);
            }
            let said = info.payload_as_str().unwrap_or("no message");
            let place =
                info.location().map(|at| format!(" ({}:{})", at.file(), at.line())).unwrap_or_default();
            MESSAGE.with_borrow_mut(|message| *message = Some(format!("{said}{place}")));
        }));
    });
    GUARDED.set(GUARDED.get() + 1);
    let result = catch_unwind(AssertUnwindSafe(call));
    GUARDED.set(GUARDED.get() - 1);
    result.map_err(|payload| {
        // The program may have set a hook over ours since; then the payload is all there is.
        let said = payload.downcast_ref::<&str>().map(|s| (*s).to_owned());
        let said = said.or_else(|| payload.downcast_ref::<String>().cloned());
        // Dropping somebody's payload may panic again, and outside the guard.
        std::mem::forget(payload);
        MESSAGE.take().or(said).unwrap_or_else(|| "no message".into())
    })
}

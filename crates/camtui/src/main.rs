//! The program `camtui`; everything is in the library of the same name.
#![forbid(unsafe_code)]

use std::process::ExitCode;

use camtui_host::heap::Heap;

#[global_allocator]
static HEAP: Heap = Heap;

fn main() -> ExitCode {
    camtui::main()
}

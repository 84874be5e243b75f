//! A panic as one line of the log, in the place of the many that Rust prints.

use std::panic::{self, PanicHookInfo};
use std::sync::Once;
use std::thread;
use std::time::Duration;

use backtrace::{Backtrace, BacktraceFrame, BacktraceSymbol};
use log::Level;

use super::queue::Queue;

/// How long a panic waits until its line is written: it may be the last of the process.
const PATIENCE: Duration = Duration::from_millis(200);

/// The most of a stack that is logged (bytes).
const LONGEST: usize = 8 << 10;

/// What stands for a stack where the program was stripped of the names of its functions.
const NAMELESS: &str = "(this build has no names of functions)";

/// Has panics logged from now on.
pub(super) fn log(queue: Option<Queue>) {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if log::log_enabled!(Level::Error) {
                tell(info);
            } else {
                before(info);
            }
            if let Some(queue) = &queue {
                queue.settle(PATIENCE);
            }
        }));
    });
}

fn tell(info: &PanicHookInfo<'_>) {
    let message = info.payload_as_str().unwrap_or("something without words");
    let location = info.location().map(ToString::to_string);
    let location = location.as_deref().unwrap_or("(unknown)");
    let thread = thread::current();
    let thread = thread.name().unwrap_or("(unnamed)");
    let backtrace = stack(&Backtrace::new());
    let backtrace = backtrace.as_str();
    log::error!(location, thread, backtrace; "panicked at {location}: {message}");
}

/// The calls that led to a panic, the last one first, in one line.
fn stack(backtrace: &Backtrace) -> String {
    let symbols = backtrace.frames().iter().flat_map(BacktraceFrame::symbols);
    let calls: Vec<(String, &BacktraceSymbol)> = symbols
        .filter_map(|symbol| Some((format!("{:#}", symbol.name()?), symbol)))
        .collect();
    let marked = |mark: &str| calls.iter().position(|(name, _)| name.contains(mark));
    // Between these marks of Rust's own stands what is ours, behind a few calls of what makes a panic.
    let Some(start) = marked("__rust_end_short_backtrace") else {
        return NAMELESS.to_owned();
    };
    let end = marked("__rust_begin_short_backtrace").filter(|end| *end > start);
    let ours = calls[start + 1..end.unwrap_or(calls.len())]
        .iter()
        .skip_while(|(name, _)| name.contains("panicking") || name.contains("begin_unwind"));
    let mut text = String::new();
    for (name, symbol) in ours {
        if text.len() > LONGEST {
            text.push_str(" < …");
            break;
        }
        if !text.is_empty() {
            text.push_str(" < ");
        }
        text.push_str(name);
        if let (Some(file), Some(line)) = (symbol.filename(), symbol.lineno()) {
            text = format!("{text} ({}:{line})", file.display());
        }
    }
    text
}

//! Ctrl-C and its like: asked for by a signal, done between two rows.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::low_level::unregister;
use signal_hook::{SigId, flag};

use crate::exit::{Exit, Failure};

/// Whether a signal asked the program to stop.
///
/// The first signal is noted, so that what was begun can be brought to an end; a second one ends
/// the program at once, wherever it is.
pub(crate) struct Stop {
    signal: Arc<AtomicUsize>,
}

impl Stop {
    /// Listens for SIGINT and SIGTERM from now on.
    pub(crate) fn on_signals() -> Result<Self, Failure> {
        Self::listen()
            .map_err(|error| Failure::other(format!("cannot listen for signals: {error}")))
    }

    fn listen() -> io::Result<Self> {
        let signal = Arc::new(AtomicUsize::new(0));
        let is_second = Arc::new(AtomicBool::new(false));
        for (number, exit) in [(SIGINT, Exit::Interrupted), (SIGTERM, Exit::Terminated)] {
            // In this order: the first signal finds the flag unset, and sets it.
            let ids = [
                flag::register_conditional_shutdown(number, exit as i32, Arc::clone(&is_second))?,
                flag::register(number, Arc::clone(&is_second))?,
                flag::register_usize(number, Arc::clone(&signal), exit as usize)?,
            ];
            LISTENING.lock().unwrap_or_else(PoisonError::into_inner).extend(ids);
        }
        Ok(Self { signal })
    }

    /// The exit code to end with, if a signal came.
    pub(crate) fn is_wanted(&self) -> Option<Exit> {
        match self.signal.load(Ordering::Relaxed) {
            0 => None,
            code if code == Exit::Terminated as usize => Some(Exit::Terminated),
            _ => Some(Exit::Interrupted),
        }
    }
}

/// What to do at a signal, by all [`Stop`]s.
static LISTENING: Mutex<Vec<SigId>> = Mutex::new(Vec::new());

/// From now on signals do not end the program. Returns whether SIGTERM asked for it.
pub(crate) fn hold_signals() -> Result<impl Fn() -> bool, Failure> {
    let (interrupt, terminate) = (Arc::default(), Arc::<AtomicBool>::default());
    for (number, noted) in [(SIGINT, interrupt), (SIGTERM, Arc::clone(&terminate))] {
        flag::register(number, noted)
            .map_err(|error| Failure::other(format!("cannot listen for signals: {error}")))?;
    }
    let mut listening = LISTENING.lock().unwrap_or_else(PoisonError::into_inner);
    for id in listening.drain(..) {
        unregister(id);
    }
    Ok(move || terminate.load(Ordering::Relaxed))
}

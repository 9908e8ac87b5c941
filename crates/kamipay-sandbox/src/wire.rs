//! An HTTP/1.1 server on a loopback port that can send anything, also what no HTTP allows.
//!
//! It knows no API. A [`Listener`] accepts connections. A connection reads requests, asks the
//! service for an [`Answer`], and sends it as a series of steps. [`Damage`] changes the steps.

mod answer;
mod connection;
mod damage;
mod gzip;
mod head;
mod listener;
mod socket;

pub(crate) use self::{
    answer::Answer,
    gzip::gzip,
    listener::{Limits, Listener, lock},
};
pub use damage::{Damage, Encoding, Ending, Endless, Part, Place};

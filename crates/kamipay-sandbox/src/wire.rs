//! An HTTP/1.1 server on a loopback port that can send anything, also what no HTTP allows.
//!
//! It knows no API. A [`Listener`] accepts connections. A connection reads requests, asks the
//! service for an [`Answer`], and sends it as a series of steps. A [`Piece`] can be what no HTTP
//! allows.

mod answer;
mod connection;
mod gzip;
mod head;
mod listener;
mod pieces;
mod sending;
mod socket;

pub(crate) use self::{
    answer::Answer,
    connection::Limits,
    gzip::gzip,
    listener::{Listener, lock},
    pieces::is_whole_answer,
};
pub use pieces::{Framing, Piece};

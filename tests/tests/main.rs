//! Tests the crates against the vendor's pages, one module per topic.

mod contradictions;
mod examples;
mod faults;
mod formats;
mod fuzzing;
mod generated;
mod json;
mod permission;
mod properties;
mod requests;
mod round_trips;
mod scans;
mod secrets;
mod transports;

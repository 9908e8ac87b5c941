//! The program, run as its users run it.

mod arguments;
mod by_hand;
mod connection;
mod exits;
mod formats;
mod help;
mod kept;
mod lists;
mod pager;
mod pay;
mod profiles;
mod sandbox;
mod scans;
mod secrets;
mod shells;
mod streams;
mod support;
mod tables;
mod times;
mod totals;
mod traces;
mod watch;

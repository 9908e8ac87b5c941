//! round_trips

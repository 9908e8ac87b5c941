//! Counts allocations: a line for each document (exact and naive, each a row) and each request.
//!
//! A program of its own, because counting takes time. Growing an allocation counts as one.

use std::alloc::System;
use std::hint::black_box;

use kamipay_benches::Document;
use kamipay_proto::Endpoint;
use kamipay_tests::{api, calls, with_call};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    for document in Document::all() {
        let exact = count(|| document.read_exact());
        let naive = count(|| document.read_naive());
        let a_row = |count| count as f64 / document.rows as f64;
        println!("{}\t{:.3}\t{:.3}", document.name, a_row(exact), a_row(naive));
    }
    let api = api();
    for call in calls() {
        with_call!(&call, call => {
            let exact = count(|| drop(black_box(call.request(&api))));
            println!("{}\t{exact}", name(call));
        });
    }
}

fn name<E: Endpoint>(_call: &E) -> &'static str {
    E::CALL
}

fn count(run: impl Fn()) -> usize {
    run(); // what is made once is not counted
    let region = Region::new(ALLOCATOR);
    run();
    let change = region.change();
    change.allocations + change.reallocations
}

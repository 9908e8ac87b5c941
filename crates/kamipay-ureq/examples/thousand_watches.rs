//! One thread waits for thousands of payments.
//!
//! A watch is plain data that says what to do next. One loop can drive any number of them, with a
//! heap of the times at which they are due. The time is simulated here, so that the example takes
//! seconds. A program uses `Utc::now()`, and sleeps until the first watch is due.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use kamipay_sandbox::{Generated, Sandbox, Server};
use kamipay_ureq::proto::AccessToken;
use kamipay_ureq::proto::pay_status::{
    Chain, End, GetPayStatus, PaymentTarget, Step, Watch, WatchLimits,
};
use kamipay_ureq::{Client, Config};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The API: a sandbox with payments in every state.
    let merchant = Generated::new(7).with_lots(1000).with_max_payouts(5);
    let sandbox = Sandbox::generated(merchant.clone());
    let (mut now, token) = (sandbox.now(), sandbox.token().parse::<AccessToken>()?);
    let server = Server::start(sandbox)?;

    let mut config = Config::default();
    config.retry.max_attempts = 1; // a watch asks again by itself
    let client = Client::with_config(server.base_url().parse()?, token, config)?;

    let mut limits = WatchLimits::default();
    limits.max_questions = 8;
    let payments = merchant.payments().take(2000);
    let mut watches = payments
        .map(|payment| {
            let target = PaymentTarget::kamipay_id(payment.kamipay_id)?;
            Ok(Watch::new(GetPayStatus::new(target, Chain::Polygon), limits.clone()))
        })
        .collect::<Result<Vec<Watch>, Box<dyn std::error::Error>>>()?;

    let mut due: BinaryHeap<_> = (0..watches.len()).map(|which| Reverse((now, which))).collect();
    let (mut questions, mut ends) = (0, BTreeMap::<&str, u32>::new());
    while let Some(Reverse((time, which))) = due.pop() {
        now = now.max(time); // a program sleeps here
        let watch = &mut watches[which];
        let outcome = match watch.step(now) {
            Step::Send(call) => client.send(call),
            Step::Wait(time) => {
                due.push(Reverse((now + time, which)));
                continue;
            }
            Step::Over(end) => {
                *ends.entry(word(&end)).or_default() += 1;
                continue;
            }
        };
        questions += 1;
        let random = (which as u32).wrapping_mul(0x9e37_79b9) ^ questions;
        match outcome {
            Ok(status) => _ = watch.answered(status, now, random),
            Err(error) if watch.is_ended_by(error.cause()) => return Err(error.into()),
            Err(error) => watch.failed(&error, error.retry_after(), now, random),
        }
        due.push(Reverse((now, which)));
    }

    println!("{} payments, {questions} questions, one thread: {ends:?}", watches.len());
    let may_pay_again = watches.iter().filter(|watch| watch.permission_to_pay_again().is_some());
    assert_eq!(may_pay_again.count() as u32, ends["returned"] + ends["canceled"]);
    assert_eq!(ends.values().sum::<u32>(), 2000);
    Ok(())
}

fn word(end: &End) -> &'static str {
    match end {
        End::Done(_) => "done",
        End::Returned(_) => "returned",
        End::Canceled(_) => "canceled",
        End::StillUnknown(_) => "still unknown",
    }
}

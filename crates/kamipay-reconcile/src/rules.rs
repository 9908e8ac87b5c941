use std::collections::BTreeMap;
use std::fmt;

use kamipay_proto::Period;
use kamipay_proto::chrono::{DateTime, FixedOffset, NaiveDate, Offset, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::Amount;
use crate::sum::fold;

/// What is reconciled, for which period, and what is tolerated.
///
/// ```
/// use kamipay_reconcile::proto::{Period, chrono::TimeDelta};
/// use kamipay_reconcile::{Flow, Rules};
///
/// let day = Period::parse("2026-05-14T00:00:00-03:00", "2026-05-15T00:00:00-03:00")?;
/// let rules = Rules::new(Flow::Settlements, day)
///     .with_lag(TimeDelta::hours(6))?
///     .with_tolerance("ARS", "0.01".parse()?)?;
/// assert_eq!(rules.fetch().length(), TimeDelta::hours(24 + 2 * 6));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    pub(crate) flow: Flow,
    pub(crate) period: Period,
    pub(crate) utc_offset: FixedOffset,
    pub(crate) lag: TimeDelta,
    pub(crate) as_of: DateTime<Utc>,
    pub(crate) tolerances: BTreeMap<String, Amount>,
    pub(crate) shown: Shown,
    pub(crate) is_saved: bool,
    pub(crate) remember: u16,
    /// The start of the first period whose state leads to this one.
    pub(crate) since: Option<DateTime<Utc>>,
}

impl Rules {
    /// The half-open period, without a lag and without tolerance, in UTC, as of its end.
    pub fn new(flow: Flow, period: Period) -> Self {
        Self {
            flow,
            period,
            utc_offset: Utc.fix(),
            lag: TimeDelta::zero(),
            as_of: period.end(),
            tolerances: BTreeMap::new(),
            shown: Shown::Open,
            is_saved: false,
            remember: 35,
            since: None,
        }
    }

    /// The zone in which days are counted, for candidates and states. Default: UTC.
    #[must_use]
    pub fn with_utc_offset(mut self, utc_offset: FixedOffset) -> Self {
        self.utc_offset = utc_offset;
        self
    }

    /// How long kamiPay may need for a row of the books. Inclusive. Default: 0.
    ///
    /// # Errors
    ///
    /// If it is negative, or over [`remember`](Self::with_remember) days.
    pub fn with_lag(mut self, lag: TimeDelta) -> Result<Self, InvalidRules> {
        self.lag = lag;
        self.check()
    }

    /// The time at which the question is asked. Default: the end of the period.
    #[must_use]
    pub fn with_as_of(mut self, as_of: DateTime<Utc>) -> Self {
        self.as_of = as_of;
        self
    }

    /// The difference that is accepted between two amounts of a currency. Inclusive. Default: none.
    ///
    /// # Errors
    ///
    /// If it is negative, or the currency has one already.
    pub fn with_tolerance(mut self, currency: &str, most: Amount) -> Result<Self, InvalidRules> {
        if most.units() < 0 {
            return Err(InvalidRules::NegativeTolerance { currency: currency.to_owned() });
        }
        match self.tolerances.insert(fold(currency), most) {
            Some(_) => Err(InvalidRules::TwoTolerances { currency: currency.to_owned() }),
            None => Ok(self),
        }
    }

    /// Which rows the report returns. Default: [`Shown::Open`].
    #[must_use]
    pub fn with_shown(mut self, shown: Shown) -> Self {
        self.shown = shown;
        self
    }

    /// Also returns what the state of the next period needs. Default: no.
    #[must_use]
    pub fn with_saved_state(mut self) -> Self {
        self.is_saved = true;
        self
    }

    /// How many days a state remembers the keys of matched rows. Default: 35.
    ///
    /// # Errors
    ///
    /// If the lag is longer.
    pub fn with_remember(mut self, days: u16) -> Result<Self, InvalidRules> {
        self.remember = days;
        self.check()
    }

    /// What is reconciled.
    pub fn flow(&self) -> Flow {
        self.flow
    }

    /// The half-open period.
    pub fn period(&self) -> Period {
        self.period
    }

    /// The zone in which days are counted.
    pub fn utc_offset(&self) -> FixedOffset {
        self.utc_offset
    }

    /// How long kamiPay may need for a row of the books.
    pub fn lag(&self) -> TimeDelta {
        self.lag
    }

    /// The time at which the question is asked.
    pub fn as_of(&self) -> DateTime<Utc> {
        self.as_of
    }

    /// How many days a state remembers the keys of matched rows.
    pub fn remember(&self) -> u16 {
        self.remember
    }

    /// The difference that is accepted in a currency.
    pub fn tolerance(&self, currency: &str) -> Option<Amount> {
        if self.tolerances.is_empty() {
            return None;
        }
        self.tolerances.get(&fold(currency)).copied()
    }

    /// The period to fetch from kamiPay: a lag longer at both ends.
    pub fn fetch(&self) -> Period {
        let start = self.period.start().checked_sub_signed(self.lag);
        let end = self.period.end().checked_add_signed(self.lag);
        let fetch = start.zip(end).and_then(|(start, end)| Period::new(start, end).ok());
        fetch.unwrap_or(self.period) // beyond the year 0 or 9999 there is nothing to fetch
    }

    /// Whether a time is in the period.
    pub fn contains(&self, time: DateTime<Utc>) -> bool {
        self.period.start() <= time && time < self.period.end()
    }

    /// The day of a time, in the zone.
    pub fn day(&self, time: DateTime<Utc>) -> NaiveDate {
        time.with_timezone(&self.utc_offset).date_naive()
    }

    /// The last day of the period.
    pub fn last_day(&self) -> NaiveDate {
        let last = self.period.end() - TimeDelta::nanoseconds(1);
        self.day(last.max(self.period.start()))
    }

    /// The time from which on a state knows which rows were matched.
    pub(crate) fn horizon(&self) -> DateTime<Utc> {
        let days = TimeDelta::days(self.remember.into());
        self.period.start().checked_sub_signed(days).unwrap_or(DateTime::<Utc>::MIN_UTC)
    }

    fn check(self) -> Result<Self, InvalidRules> {
        if self.lag < TimeDelta::zero() {
            return Err(InvalidRules::NegativeLag);
        }
        if self.lag > TimeDelta::days(self.remember.into()) {
            return Err(InvalidRules::LongLag { days: self.remember });
        }
        Ok(self)
    }
}

/// What is reconciled.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the formats name both")]
pub enum Flow {
    /// The payouts and refunds of lots.
    Payouts,
    /// The charges of settlements, and the pending pool.
    Settlements,
}

/// Which rows a report returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shown {
    /// Exceptions, and what is open for its time only.
    #[default]
    Open,
    /// Every row of the period.
    All,
}

/// Rules that contradict themselves.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InvalidRules {
    /// A lag below zero.
    NegativeLag,
    /// A lag over the days that a state remembers.
    LongLag {
        /// These days.
        days: u16,
    },
    /// A tolerance below zero.
    NegativeTolerance {
        /// Its currency.
        currency: String,
    },
    /// Two tolerances for one currency.
    TwoTolerances {
        /// The currency.
        currency: String,
    },
}

impl fmt::Display for InvalidRules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NegativeLag => f.write_str("the lag is negative: use 0 or more"),
            Self::LongLag { days } => {
                write!(f, "the lag is over {days} days: matched keys are remembered no longer")
            }
            Self::NegativeTolerance { currency } => {
                write!(f, "the tolerance for {currency} is negative: use 0 or more")
            }
            Self::TwoTolerances { currency } => {
                write!(f, "{currency} has two tolerances: give one")
            }
        }
    }
}

impl std::error::Error for InvalidRules {}

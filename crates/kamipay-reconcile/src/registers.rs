use crate::record::text;
use crate::row::Side;
use crate::{Amount, Error, Sum, Sums};

/// `N` sums of each side, for each currency.
#[derive(Clone, Debug, Default)]
pub(crate) struct Registers<const N: usize> {
    /// In alphabetical order.
    currencies: Vec<Register<N>>,
    /// The currency that was used last.
    last: usize,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Register<const N: usize> {
    currency: String,
    sums: Box<[[Sum; 2]; N]>,
}

const MOST_CURRENCIES: usize = 1000;

impl<const N: usize> Registers<N> {
    pub(crate) fn add<E>(
        &mut self,
        place: usize,
        side: Side,
        currency: &[u8],
        amount: Amount,
    ) -> Result<(), Error<E>> {
        let index = self.index(currency)?;
        self.currencies[index].sums[place][usize::from(side != Side::Ours)].add(amount)?;
        Ok(())
    }

    pub(crate) fn merge<E>(&mut self, other: &Self) -> Result<(), Error<E>> {
        for register in &other.currencies {
            let index = self.index(register.currency.as_bytes())?;
            let sums = self.currencies[index].sums.as_flattened_mut().iter_mut();
            for (sum, more) in sums.zip(register.sums.as_flattened()) {
                sum.merge(more)?;
            }
        }
        Ok(())
    }

    /// The sums of ours or theirs in a place, without currencies that have none.
    pub(crate) fn sums(&self, place: usize, is_ours: bool) -> Sums {
        let sum = |it: &Register<N>| it.sums[place][usize::from(!is_ours)].clone();
        let sums = self.currencies.iter().map(|it| (it.currency.clone(), sum(it)));
        Sums::of_currencies(sums.filter(|(_, sum)| *sum != Sum::ZERO))
    }

    pub(crate) fn currencies(&self) -> impl Iterator<Item = &str> {
        self.currencies.iter().map(|it| &*it.currency)
    }

    fn index<E>(&mut self, currency: &[u8]) -> Result<usize, Error<E>> {
        let last = self.currencies.get(self.last);
        let is_last = |it: &Register<N>| {
            let last = it.currency.as_bytes();
            last == currency || last.eq_ignore_ascii_case(currency)
        };
        if last.is_some_and(is_last) {
            return Ok(self.last);
        }
        let currency = crate::sum::fold(text(currency));
        self.last = match self.currencies.binary_search_by(|it| it.currency.cmp(&currency)) {
            Ok(index) => index,
            Err(_) if self.currencies.len() == MOST_CURRENCIES => return Err(Error::Currencies),
            Err(index) => {
                let sums = Box::new(std::array::from_fn(|_| [Sum::ZERO, Sum::ZERO]));
                self.currencies.insert(index, Register { currency, sums });
                index
            }
        };
        Ok(self.last)
    }
}

impl<const N: usize> PartialEq for Registers<N> {
    fn eq(&self, other: &Self) -> bool {
        self.currencies == other.currencies
    }
}

impl<const N: usize> Eq for Registers<N> {}

//! Which columns fit the screen, and how wide each is.

/// What a column needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Need {
    /// With its longest cell.
    pub(super) all: usize,
    /// With its cells as short as they may be.
    pub(super) least: usize,
    /// What it gets if there is room, but not for all.
    pub(super) partly: bool,
}

/// The space between two columns.
pub(super) const GAP: usize = 2;

/// The width of each column, or none if it does not fit. `order` has the columns from the most
/// important to the least. With `keeps_all` no column is left out, whether it fits or not.
pub(super) fn widths(
    needs: &[Need],
    order: &[usize],
    screen: usize,
    keeps_all: bool,
) -> Vec<Option<usize>> {
    let mut kept = order.to_vec();
    let least = |kept: &[usize]| {
        kept.iter().map(|&n| needs[n].least + GAP).sum::<usize>().saturating_sub(GAP)
    };
    while !keeps_all && kept.len() > 1 && least(&kept) > screen {
        kept.pop();
    }
    let mut spare = screen.saturating_sub(least(&kept));
    let mut widths = vec![None; needs.len()];
    for n in kept {
        let Need { all, least, partly } = needs[n];
        let more = match all - least {
            more if more <= spare => more,
            _ if partly => spare,
            _ => 0,
        };
        spare -= more;
        widths[n] = Some(least + more);
    }
    widths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_important_columns_get_the_room() {
        let need = |all, least| Need { all, least, partly: true };
        let hash = Need { all: 66, least: 13, partly: false };
        let needs = [need(36, 16), need(10, 10), need(14, 14), need(20, 20), hash];
        let order = [0, 1, 2, 3, 4];
        let of = |screen| widths(&needs, &order, screen, false);
        let all = [36, 10, 14, 20, 66].map(Some).to_vec();
        assert_eq!(of(154), all);
        assert_eq!(of(1000), all);
        assert_eq!(of(153), [36, 10, 14, 20, 13].map(Some));
        assert_eq!(of(90), [25, 10, 14, 20, 13].map(Some));
        assert_eq!(of(80), [Some(30), Some(10), Some(14), Some(20), None]);
        assert_eq!(of(65), [Some(36), Some(10), Some(14), None, None]);
        assert_eq!(of(1), [Some(16), None, None, None, None]);
        assert_eq!(widths(&needs, &order, 1, true), [16, 10, 14, 20, 13].map(Some));
        let last_first = widths(&needs, &[4, 3, 0, 1, 2], 56, false);
        assert_eq!(last_first, [Some(19), None, None, Some(20), Some(13)]);
    }
}

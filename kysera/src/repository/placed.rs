//! Answers in the order of the questions.

/// Results that arrive in another order than they are answered in.
pub(super) struct Placed<T>(Vec<Option<T>>);

impl<T> Placed<T> {
    pub(super) fn new(len: usize) -> Self {
        Self(std::iter::repeat_with(|| None).take(len).collect())
    }

    pub(super) fn place(&mut self, results: impl IntoIterator<Item = (usize, T)>) {
        for (at, result) in results {
            if let Some(place) = self.0.get_mut(at) {
                *place = Some(result);
            }
        }
    }

    /// All results, or the positions that have none.
    pub(super) fn finish(self) -> Result<Vec<T>, Vec<usize>> {
        let gaps: Vec<usize> =
            self.0.iter().enumerate().filter(|(_, result)| result.is_none()).map(|(at, _)| at).collect();
        if gaps.is_empty() { Ok(self.0.into_iter().flatten().collect()) } else { Err(gaps) }
    }
}

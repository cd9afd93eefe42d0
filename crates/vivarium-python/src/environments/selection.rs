//! Which of the requirements can be had together, and whose fault it is when not all can.

use std::future::Future;

use futures::StreamExt;
use futures::stream;

use crate::installer::Failure;

/// Attempts at the same time; each is a process.
const PARALLEL: usize = 4;

/// Tries to get some requirements together.
pub(super) trait Attempt: Sync {
    /// What a success yields.
    type Made: Send;

    fn attempt(&self, requirements: Vec<String>) -> impl Future<Output = Result<Self::Made, Failure>> + Send;
}

/// What can be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Selection<Made> {
    /// `None` where nothing can be had.
    pub(super) made: Option<Made>,
    /// Positions of the requirements that are not in it, and why.
    pub(super) refused: Vec<(usize, Failure)>,
}

/// All together if possible. Else those that fail alone are left out; if the rest still does not agree,
/// requirements are taken one by one in their order, and what does not go with the earlier ones is left out.
pub(super) async fn select<A: Attempt>(requirements: &[String], attempt: &A) -> Selection<A::Made> {
    let failure = match attempt.attempt(requirements.to_vec()).await {
        Ok(made) => return Selection { made: Some(made), refused: Vec::new() },
        Err(failure) => failure,
    };
    if failure.general || requirements.len() == 1 {
        let refused = (0..requirements.len()).map(|position| (position, failure.clone())).collect();
        return Selection { made: None, refused };
    }
    let refused = refused_alone(requirements, attempt).await;
    let rest: Vec<usize> = (0..requirements.len()).filter(|at| refused.iter().all(|(other, _)| other != at)).collect();
    select_rest(requirements, &rest, refused, attempt).await
}

async fn refused_alone<A: Attempt>(requirements: &[String], attempt: &A) -> Vec<(usize, Failure)> {
    let alone = requirements.iter().cloned().enumerate().map(|(position, requirement)| async move {
        attempt.attempt(vec![requirement]).await.err().map(|failure| (position, failure))
    });
    stream::iter(alone).buffered(PARALLEL).filter_map(async |refusal| refusal).collect().await
}

async fn select_rest<A: Attempt>(
    requirements: &[String],
    rest: &[usize],
    mut refused: Vec<(usize, Failure)>,
    attempt: &A,
) -> Selection<A::Made> {
    if !refused.is_empty() && !rest.is_empty() {
        let together = rest.iter().map(|at| requirements[*at].clone()).collect();
        if let Ok(made) = attempt.attempt(together).await {
            return Selection { made: Some(made), refused };
        }
    }
    let (mut made, mut accepted) = (None, Vec::new());
    for position in rest {
        accepted.push(requirements[*position].clone());
        match attempt.attempt(accepted.clone()).await {
            Ok(more) => made = Some(more),
            Err(failure) => {
                accepted.pop();
                refused.push((*position, failure));
            }
        }
    }
    refused.sort_by_key(|(position, _)| *position);
    Selection { made, refused }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// `bad*` always fails; `left` and `right` do not go together; `down` stands for an index that is away.
    #[derive(Default)]
    struct Fake {
        calls: AtomicUsize,
    }

    impl Attempt for Fake {
        type Made = Vec<String>;

        async fn attempt(&self, requirements: Vec<String>) -> Result<Vec<String>, Failure> {
            self.calls.fetch_add(1, Ordering::Relaxed);
            let has = |name: &str| requirements.iter().any(|one| one.starts_with(name));
            if has("down") {
                return Err(Failure::general(2, "no index"));
            }
            if has("bad") || (has("left") && has("right")) {
                let reason = requirements.join(" ");
                return Err(Failure { code: 1, reason, general: false, transient: false });
            }
            Ok(requirements)
        }
    }

    async fn chosen(requirements: &[&str]) -> (Vec<String>, Vec<usize>, usize) {
        let (fake, owned) = (Fake::default(), requirements.iter().map(ToString::to_string).collect::<Vec<_>>());
        let selection = select(&owned, &fake).await;
        let refused = selection.refused.iter().map(|(position, _)| *position).collect();
        (selection.made.unwrap_or_default(), refused, fake.calls.into_inner())
    }

    #[tokio::test]
    async fn what_agrees_is_tried_once() {
        assert_eq!(chosen(&["a", "b"]).await, (vec!["a".to_owned(), "b".to_owned()], vec![], 1));
    }

    #[tokio::test]
    async fn a_bad_one_does_not_take_the_others_down() {
        let (made, refused, _) = chosen(&["a", "bad1", "b", "bad2"]).await;
        assert_eq!((made, refused), (vec!["a".to_owned(), "b".to_owned()], vec![1, 3]));
        assert_eq!(chosen(&["bad"]).await, (vec![], vec![0], 1));
        assert_eq!(chosen(&["bad1", "bad2"]).await.1, [0, 1]);
    }

    #[tokio::test]
    async fn of_two_that_conflict_the_later_one_is_left_out() {
        let (made, refused, _) = chosen(&["left", "a", "right", "bad"]).await;
        assert_eq!((made, refused), (vec!["left".to_owned(), "a".to_owned()], vec![2, 3]));
    }

    #[tokio::test]
    async fn without_an_index_nobody_is_singled_out() {
        assert_eq!(chosen(&["a", "down"]).await, (vec![], vec![0, 1], 1));
    }
}

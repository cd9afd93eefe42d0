//! One suite for both databases. SQLite runs in a temporary file, PostgreSQL at `VIVARIUM_TEST_POSTGRES_URL`.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

mod cases;
mod support;

use support::TestDatabase;

/// A test of each case on each database.
macro_rules! on_both {
    ($($module:ident: $($case:ident),* $(,)?;)*) => {
        mod sqlite {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let database = super::TestDatabase::sqlite();
                let store = database.open().await;
                super::support::finish(database, super::cases::$module::$case(&store)).await;
            })*)*
        }

        mod postgres {
            $($(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let Some(database) = super::TestDatabase::postgres().await else { return };
                let store = database.open().await;
                super::support::finish(database, super::cases::$module::$case(&store)).await;
            })*)*
        }
    };
}

on_both! {
    account:
        a_user_comes_back_as_it_was,
        names_of_users_are_taken_without_regard_to_case,
        a_user_can_be_renamed_but_not_to_a_taken_name,
        a_user_that_is_gone_cannot_be_updated,
        users_are_listed_by_name,
        a_deleted_user_takes_the_tokens_along_but_not_the_runtimes,
        a_token_is_found_by_hash_and_kind,
        no_token_for_somebody_who_is_gone,
        the_last_use_of_a_token_never_goes_back,
        tokens_expire_by_time_and_sessions_by_idleness, tokens_of_an_evaluation_end_with_it;
    project:
        projects_come_back_the_oldest_first,
        names_of_projects_are_taken_without_regard_to_case;
    runtime:
        a_runtime_comes_back_as_it_was,
        any_runtime_comes_back_as_it_was,
        names_of_runtimes_are_taken_without_regard_to_case,
        an_update_needs_the_expected_revision,
        an_update_cannot_take_the_name_of_another,
        runtimes_are_listed_by_name_key,
        of_many_inserts_of_one_name_exactly_one_wins,
        of_many_updates_of_one_revision_exactly_one_wins;
    node:
        a_node_registers_and_renews,
        the_name_of_a_node_belongs_to_one_id,
        a_node_lives_until_it_stops,
        a_state_replaces_the_one_before,
        states_go_with_their_runtime,
        nothing_is_kept_of_a_runtime_that_is_gone,
        states_and_deletions_at_the_same_time_leave_nothing;
    evaluation:
        a_record_comes_back_as_it_was,
        outputs_keep_every_byte,
        outputs_may_have_some_megabytes,
        a_record_changes_until_it_is_final,
        of_many_ends_exactly_one_counts,
        open_records_are_those_of_the_node_that_are_not_final,
        a_cancellation_can_be_asked_for_until_the_end,
        old_records_are_pruned_by_age,
        records_are_pruned_by_count,
        pruning_takes_more_than_one_batch_and_leaves_open_records,
        pruning_on_several_nodes_at_once_removes_each_record_once,
        many_writers_at_once_lose_nothing;
    store:
        it_answers,
        a_closed_store_says_so,
        hostile_texts_are_only_texts;
}

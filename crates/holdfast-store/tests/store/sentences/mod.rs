//! What every backend must do, as sentences: each takes a fresh store.

mod approving;
mod declaring;
mod engine;
mod log;
mod reading;

/// Runs every sentence on every backend.
macro_rules! on_every_backend {
    ($($module:ident: $($sentence:ident)*;)*) => {
        mod in_a_file {
            $($(#[test]
            fn $sentence() {
                let directory = tempfile::tempdir().unwrap();
                super::$module::$sentence(&holdfast_store::Store::open(&crate::fixture::file(directory.path())).unwrap());
            })*)*
        }
        mod in_memory {
            $($(#[test]
            fn $sentence() {
                super::$module::$sentence(&holdfast_store::Store::open(&holdfast_store::Location::Memory).unwrap());
            })*)*
        }
    };
}

on_every_backend! {
    approving:
        under_approval_nothing_is_carried_out_before_its_release
        what_was_declared_before_approval_was_asked_for_is_carried_out
        a_deletion_by_policy_is_held_and_one_by_name_is_not
        a_release_of_what_moved_meanwhile_does_nothing
        an_approval_is_used_once_or_refused
        plans_go_with_the_log_unless_somebody_is_asked_about_them
        one_plan_names_all_scopes_of_a_stack;
    declaring:
        a_new_resource_starts_at_generation_one_and_is_pending
        the_same_declaration_again_moves_nothing
        keys_in_another_order_are_no_change
        inputs_move_the_generation
        what_only_people_read_moves_the_version_alone
        a_new_generation_is_no_longer_called_in_sync
        a_resource_declared_again_while_it_goes_stays_and_moves_on
        a_retained_resource_goes_at_once
        a_deletion_by_name_is_not_weakened_by_policy
        a_stack_goes_with_its_last_resource
        an_empty_stack_goes_at_once
        a_stack_declared_again_while_it_goes_stays
        a_precondition_that_does_not_hold_leaves_nothing
        a_resource_without_its_stack_leaves_nothing
        versions_never_come_back
        stacks_and_accounts_count_their_generations
        a_change_under_a_key_is_made_once
        an_answer_is_kept_once;
    reading:
        pages_follow_each_other_in_the_order_of_keys
        each_filter_lets_through_what_it_says
        text_is_found_whatever_its_case_and_means_itself
        the_summary_counts_by_phase
        drifted_resources_are_found_with_the_oldest
        last_seen_follows_the_sweep_where_it_could_read
        who_wants_a_list_while_it_is_read_gets_what_is_read
        what_was_written_comes_back_as_it_was;
    engine:
        the_desired_list_is_the_same_until_something_moves
        a_pause_holds_the_stack_until_it_ends
        a_status_of_an_overtaken_generation_is_not_kept
        a_resource_declared_again_is_not_dropped_as_gone
        a_pass_without_news_moves_no_version
        what_is_remembered_goes_with_its_resource
        outputs_of_other_scopes_are_found
        every_declared_uid_is_known
        an_intent_is_open_until_its_outcome
        an_outcome_stores_the_memory_of_its_own_resource_only
        deletions_nobody_named_are_counted_by_resource
        scopes_are_those_with_resources;
    log:
        events_are_paged_and_filtered
        listeners_hear_of_the_newest_event_after_the_commit
        history_tells_everything_newest_first_and_outlives_its_resource
        pruning_clears_what_is_old_and_keeps_what_counts
        a_plan_is_kept_by_its_hash
        the_probe_succeeds;
}
